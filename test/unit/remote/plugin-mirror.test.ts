import type { HostEvent, InstanceState, PluginState } from '@plugd/host';
import { PluginMirror } from '../../../host/src/remote/plugin-mirror';

const picture = (state: PluginState, version: string) => ({
  name: 'kv',
  state,
  version,
  generation: 1,
  protocolVersion: 1,
  instances: [],
});

const cause = { reason: 'asked' };
const plugin = (sequence: number, to: PluginState, version = '1.0.0'): HostEvent => {
  return {
    type: 'plugin',
    plugin: 'kv',
    sequence,
    time: 0,
    version,
    generation: 2,
    from: undefined,
    to,
    cause,
  };
};
const instance = (sequence: number, id: string, to: InstanceState, pid?: number): HostEvent => {
  const base = { plugin: 'kv', sequence, time: 7, version: '1.0.0', generation: 2, from: undefined, cause };
  return { ...base, type: 'instance', instance: id, pid, to };
};

test('a picture of an earlier moment never takes the place of what is known', () => {
  const mirror = new PluginMirror(picture('starting', '1.0.0'), 3);
  mirror.apply(plugin(4, 'serving', '2.0.0'));
  expect(mirror.status).toMatchObject({ state: 'serving', version: '2.0.0', generation: 2 });
  expect(mirror.replace(picture('starting', '1.0.0'), 3)).toBe(false);
  expect(mirror.state).toBe('serving');
  // What the picture had already.
  mirror.apply(plugin(2, 'stopping'));
  expect(mirror.state).toBe('serving');
  expect(mirror.replace(picture('restarting', '2.0.0'), 4)).toBe(true);
  expect(mirror.state).toBe('restarting');
});

test('processes come and go with their events', () => {
  const mirror = new PluginMirror(picture('starting', '1.0.0'), 0);
  const seen = () => mirror.status.instances.map(({ id, state, pid }) => [id, state, pid]);
  mirror.apply(instance(1, 'a', 'starting'));
  expect(seen()).toEqual([]);
  mirror.apply(instance(2, 'a', 'ready', 11));
  mirror.apply(instance(3, 'b', 'ready', 12));
  mirror.apply(instance(4, 'a', 'serving', 11));
  expect(seen()).toEqual([
    ['a', 'serving', 11],
    ['b', 'ready', 12],
  ]);
  mirror.apply(instance(5, 'a', 'stopped', 11));
  mirror.apply(instance(6, 'c', 'failed', 13));
  expect(seen()).toEqual([['b', 'ready', 12]]);
});

test('a lost one has no process, and begins anew with the next daemon', () => {
  const mirror = new PluginMirror(picture('serving', '1.0.0'), 90);
  mirror.lose('failed');
  expect(mirror.status).toMatchObject({
    state: 'failed',
    version: '1.0.0',
    instances: [],
    protocolVersion: undefined,
  });
  mirror.forget();
  mirror.apply(plugin(1, 'starting'));
  expect(mirror.state).toBe('starting');
});
