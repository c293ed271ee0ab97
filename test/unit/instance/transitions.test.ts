import * as fc from 'fast-check';
import type { HostEventDraft, InstanceState } from '../../../host/src/events/host-event';
import { Instance } from '../../../host/src/instance/instance';
import { transitions } from '../../../host/src/instance/transitions';
import { RecordingLogger } from '../../support/recording-logger';

const states: readonly InstanceState[] = [
  'starting',
  'ready',
  'serving',
  'unhealthy',
  'draining',
  'stopped',
  'failed',
];
const asked = { reason: 'asked' };

function newInstance(): { instance: Instance; events: HostEventDraft[] } {
  const events: HostEventDraft[] = [];
  const instance = new Instance(
    { id: 'kv-1-1', plugin: 'kv', version: '1.0.0', generation: 1 },
    { emit: (event) => events.push(event), logger: new RecordingLogger() },
  );
  return { instance, events };
}

/** The states through which an instance is brought to one. */
const ways: Record<InstanceState, readonly InstanceState[]> = {
  starting: [],
  ready: ['ready'],
  serving: ['ready', 'serving'],
  unhealthy: ['ready', 'serving', 'unhealthy'],
  draining: ['ready', 'serving', 'draining'],
  stopped: ['stopped'],
  failed: ['failed'],
};

const pairs = states.flatMap((from) => states.map((to) => ({ from, to })));

test.each(pairs.filter(({ from, to }) => transitions[from].includes(to)))(
  'from $from to $to is one event with its cause',
  ({ from, to }) => {
    const { instance, events } = newInstance();
    for (const state of ways[from]) instance.transition(state, asked);
    const before = events.length;
    const cause = { reason: 'crash', code: 'PLUGIN_EXITED', message: 'It left.' } as const;
    instance.transition(to, cause);
    expect(instance.state).toBe(to);
    expect(events.slice(before)).toMatchObject([{ type: 'instance', instance: 'kv-1-1', from, to, cause }]);
  },
);

test.each(pairs.filter(({ from, to }) => !transitions[from].includes(to)))(
  'from $from to $to throws, and changes and reports nothing',
  ({ from, to }) => {
    const { instance, events } = newInstance();
    for (const state of ways[from]) instance.transition(state, asked);
    const before = events.length;
    expect(() => instance.transition(to, asked)).toThrow();
    expect(instance.state).toBe(from);
    expect(events.length).toBe(before);
  },
);

test('what has ended stays ended, and nothing leads back to the start', () => {
  expect(transitions.stopped).toEqual([]);
  expect(transitions.failed).toEqual([]);
  for (const state of states) expect(transitions[state]).not.toContain('starting');
  // No call may go to what was not proved.
  for (const state of ['starting', 'draining', 'stopped', 'failed'] as const) {
    expect(transitions[state]).not.toContain('serving');
  }
});

test('whatever is tried in whatever order, the events tell the whole way without a gap', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...states), { maxLength: 20 }), (tries) => {
      const { instance, events } = newInstance();
      for (const state of tries) {
        try {
          instance.transition(state, asked);
        } catch {
          // An illegal one.
        }
      }
      const told = events.flatMap((event) => (event.type === 'instance' ? [event] : []));
      expect(told[0]).toMatchObject({ from: undefined, to: 'starting' });
      told.slice(1).forEach(({ from, to }, i) => {
        expect(from).toBe(told[i]?.to);
        expect(from && transitions[from]).toContain(to);
      });
      expect(told.at(-1)?.to).toBe(instance.state);
    }),
  );
});
