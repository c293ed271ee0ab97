import type { JsonValue } from '@plugd/protocol/json-value';
import type { FoundOperation } from '../../host/src/journal/read-operations';
import { storyOf } from '../../host/src/operation-story';

const side = (version: string) => ({ version, command: '/bin/kv', args: [] });

function found(
  steps: readonly string[],
  outcome?: JsonValue,
  { intact = true, strategy = 'overlap' }: { readonly intact?: boolean; readonly strategy?: string } = {},
): FoundOperation {
  return {
    head: { id: 'a', plugin: 'kv', operation: 'upgrade', strategy, from: side('1.0.0') },
    lines: steps.map((step, index) => ({
      kind: 'step',
      step,
      ...(index === 0 ? {} : { to: side('2.0.0') }),
    })),
    outcome,
    beganAt: 1,
    endedAt: outcome === undefined ? undefined : 2,
    intact,
  };
}

const whole = ['prepare', 'start', 'health', 'swap', 'drain', 'stop'];
const end = (outcome: string) => ({ kind: 'end', outcome });

test.each<[string, FoundOperation, object]>([
  ['one that swapped', found(whole, end('done')), { outcome: 'swapped', recovered: false, endedAt: 2 }],
  ['a dry run', found(['prepare', 'start', 'health'], end('done')), { outcome: 'verified' }],
  ['one that was undone', found(['prepare', 'start'], end('undone')), { outcome: 'undone' }],
  ['one that went back', found(whole.slice(0, 4), end('go-back')), { outcome: 'undone' }],
  ['one that left nothing', found(['prepare'], end('down')), { outcome: 'down' }],
  [
    'one that the next host finished',
    found(whole.slice(0, 4), { outcome: 'done', recovered: true }),
    { outcome: 'swapped', recovered: true },
  ],
  [
    'one that the next host had no use for',
    found(['prepare'], { outcome: 'overtaken', recovered: true }),
    { outcome: 'overtaken', recovered: true },
  ],
])('%s is told as such', (_what, operation, told) => {
  expect(storyOf(operation)).toMatchObject({ ...told, next: undefined });
});

test.each<[string, FoundOperation, object]>([
  ['before the swap', found(whole.slice(0, 3)), { does: 'undo', version: '1.0.0' }],
  ['at the swap', found(whole.slice(0, 4)), { does: 'finish', version: '2.0.0' }],
  ['before its first step', found([]), { does: 'undo', version: '1.0.0' }],
  // What may have gone further is taken for no more than begun.
  [
    'in a damaged journal',
    found(whole.slice(0, 4), undefined, { intact: false }),
    { does: 'undo', version: '1.0.0' },
  ],
])('of one that was left %s it is told what the next start does', (_where, operation, next) => {
  expect(storyOf(operation)).toMatchObject({ outcome: 'unfinished', endedAt: 0, next });
});

test('its steps are told with what they do, also those of another release', () => {
  const { steps, toVersion } = storyOf({
    ...found(['prepare', 'dance']),
    lines: [
      { kind: 'step', step: 'prepare' },
      { kind: 'step', step: 'dance' },
      { kind: 'undo', undo: 'end-new' },
      { hostToken: 'secret' },
    ],
  });
  expect(steps.map(({ step, undo, does }) => [step, undo, does !== ''])).toEqual([
    ['prepare', false, true],
    ['dance', false, false],
    ['end-new', true, true],
  ]);
  expect(toVersion).toBe('');
});

test('an operation of a strategy that is not known is of a later release', () => {
  const later = found(['prepare'], undefined, { strategy: 'teleport' });
  expect(() => storyOf(later)).toThrow(expect.objectContaining({ code: 'STATE_FORMAT_NEWER' }));
});
