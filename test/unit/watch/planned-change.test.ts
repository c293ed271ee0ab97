import type { RunningVersion, Situation, VersionFound } from '../../../host/src/watch/choices';
import type { WatchAction } from '../../../host/src/watch/plan';
import { type AboutPlan, plannedChanges } from '../../../host/src/watch/planned-change';

const good = (version: string, requires: Record<string, string> = {}): VersionFound => ({
  ...{ version, state: 'good', digest: `of ${version}`, requires },
});
const runs = (version: string, over: Partial<RunningVersion> = {}): RunningVersion => ({
  ...{ version, digest: `of ${version}`, requires: {}, foreign: false, settings: '' },
  ...over,
});
const unsettled: VersionFound = { version: '2.0.0', state: 'unsettled', digest: undefined, requires: {} };
const unfit: VersionFound = { ...unsettled, state: 'unfit' };

interface Case extends Partial<AboutPlan> {
  readonly onDisk: Record<string, readonly VersionFound[]>;
  readonly running?: Record<string, RunningVersion>;
  readonly over?: Partial<Situation>;
  readonly underWay?: readonly WatchAction[];
}

function changes({ onDisk, running = {}, over, underWay = [], ...about }: Case): string[] {
  const busy = new Map(underWay.map(({ name }) => [name, {}]));
  const situation: Situation = {
    onDisk: new Map(Object.entries(onDisk)),
    running: new Map(Object.entries(running)),
    pins: new Map(),
    hasFailed: () => false,
    busy,
    ...over,
  };
  const doing = new Map(underWay.map((action) => [action.name, action]));
  return plannedChanges(situation, doing, {
    ...{ problemOf: () => undefined, left: new Map(), disabled: new Set() },
    ...about,
  }).map(({ plugin, action, from = '-', to = '-' }) => `${action} ${plugin} ${from} ${to}`);
}

test.each<[what: string, about: Case, expected: string[]]>([
  [
    'what runs as it is on disk is no change',
    { onDisk: { a: [good('1.0.0')] }, running: { a: runs('1.0.0') } },
    [],
  ],
  [
    'what comes after something else is told as well',
    { onDisk: { a: [good('1.0.0', { b: '^1.0.0' })], b: [good('1.0.0', { c: '*' })], c: [good('1.0.0')] } },
    ['load a - 1.0.0', 'load b - 1.0.0', 'load c - 1.0.0'],
  ],
  [
    'what nothing that is there makes possible waits',
    { onDisk: { a: [good('1.0.0', { b: '^2.0.0' })], b: [good('1.0.0')] } },
    ['waiting a - 1.0.0', 'load b - 1.0.0'],
  ],
  [
    'other settings are a change',
    {
      onDisk: { a: [good('1.0.0')] },
      running: { a: runs('1.0.0') },
      over: { settings: new Map([['a', 'others']]) },
    },
    ['configure a 1.0.0 1.0.0'],
  ],
  [
    'also of what was put there by hand, and not of what the application has loaded',
    {
      onDisk: {},
      running: {
        a: runs('1.0.0', { foreign: true }),
        b: runs('1.0.0', { foreign: true, settings: undefined }),
      },
      over: { settings: new Map([...'ab'].map((name) => [name, 'others'])) },
      left: new Map([['a', 'by hand']]),
    },
    ['configure a 1.0.0 1.0.0', 'waiting a 1.0.0 -'],
  ],
  [
    'what is being written is waited for',
    { onDisk: { a: [unsettled, good('1.0.0')] }, running: { a: runs('1.0.0') } },
    ['waiting a 1.0.0 2.0.0'],
  ],
  [
    'what can’t be run is told with what runs, and what is below it is not',
    {
      onDisk: { a: [unfit, good('1.0.0'), { ...unfit, version: '0.9.0' }] },
      running: { a: runs('1.0.0') },
      problemOf: (_name, version) => (version === '1.0.0' ? undefined : 'no good'),
    },
    ['failed a 1.0.0 2.0.0'],
  ],
  [
    'a pin to what is not there waits, and what is not wanted is not told',
    {
      onDisk: { a: [unfit, good('1.0.0')] },
      running: { a: runs('1.0.0') },
      over: { pins: new Map([['a', '3.0.0']]) },
    },
    ['waiting a 1.0.0 3.0.0'],
  ],
  [
    'what is under way is told once',
    {
      onDisk: { a: [good('2.0.0'), good('1.0.0')] },
      running: { a: runs('1.0.0') },
      underWay: [{ kind: 'upgrade', name: 'a', version: '2.0.0', digest: 'of 2.0.0', requires: {} }],
    },
    ['upgrade a 1.0.0 2.0.0'],
  ],
  ['what is gone ends', { onDisk: {}, running: { a: runs('1.0.0') } }, ['stop a 1.0.0 -']],
])('%s', (_what, about, expected) => {
  expect(changes(about)).toEqual(expected);
});

test('a long chain is told to its end', () => {
  const names = Array.from({ length: 60 }, (_, index) => `p${String(index).padStart(2, '0')}`);
  const onDisk = Object.fromEntries(
    names.map((name, index) => [name, [good('1.0.0', index === 0 ? {} : { [names[index - 1] ?? '']: '*' })]]),
  );
  expect(changes({ onDisk })).toEqual(names.map((name) => `load ${name} - 1.0.0`));
});
