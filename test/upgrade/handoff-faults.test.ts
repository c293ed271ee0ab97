import { type LoadOptions, type Plugin, PluginError, type UpgradeOptions } from '@plugd/host';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { roomsWith } from '../support/at-once';
import { servingPid } from '../support/host-room';
import { checkLinearizable } from '../support/linearizability';
import { Callers, Handed } from './handed';
import type { HandedOrder, Misdeeds } from './handed-plugin';

// At each step of a handoff something goes wrong, with processes that do it, under callers whose book is judged.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, room, plugins: handed } = roomsWith(() => new Handed());

/**
 * What comes of it. `same`: the old one's process goes on. `again`: the old version does in another process, with all that
 * was counted. `anew`: it does, and what was counted is lost: it died with the only process that had it. `done`: the new
 * one serves, with all that was counted.
 */
type After = 'same' | 'again' | 'anew' | 'done';

interface Row {
  readonly what: string;
  readonly after: After;
  /** What the failure says. */
  readonly code?: string | readonly string[];
  readonly step?: string | readonly string[];
  readonly why?: string;
  readonly misdeeds?: Misdeeds;
  /** Who gets which signal when which step begins. */
  readonly signal?: readonly [side: 'old' | 'new', signal: 'SIGKILL' | 'SIGSTOP', step: string];
  readonly next?: HandedOrder;
  readonly upgrade?: UpgradeOptions;
  /** Calls may fail: those that were in flight on what was killed, or those that could be held no longer. */
  readonly failing?: 'in flight' | 'held too long';
}

const old = (misdeeds: Misdeeds[string]): Misdeeds => ({ '1.0.0': misdeeds });
const next = (misdeeds: Misdeeds[string]): Misdeeds => ({ '2.0.0': misdeeds });
const FAILED = 'HANDOFF_FAILED';
/** A process that was killed may have ended before its connection, or after it. */
const LOST = [FAILED, 'PLUGIN_EXITED', 'CONNECT_FAILED'];

const newOnes: Row[] = [
  {
    what: 'leaves before its line',
    next: { start: 'exit' },
    after: 'same',
    code: 'EXITED_BEFORE_HANDSHAKE',
    step: 'start',
  },
  {
    what: 'reads another schema',
    next: { schema: 3 },
    after: 'same',
    code: 'STATE_SCHEMA_UNKNOWN',
    step: 'contract',
  },
  ...(['health', 'hold', 'quiesce', 'pause', 'snapshot', 'release', 'restore'] as const).map(
    (step): Row => ({
      what: `is killed at ${step}`,
      signal: ['new', 'SIGKILL', step],
      after: 'same',
      code: [...LOST, 'START_FAILED'],
      step: step === 'health' ? ['health', 'contract'] : ['pause', 'release', 'restore'],
    }),
  ),
  ...(['check', 'swap', 'activate'] as const).map(
    (step): Row => ({
      what: `is killed at ${step}`,
      signal: ['new', 'SIGKILL', step],
      after: 'same',
      code: LOST,
      step: ['check', 'swap', 'activate', 'release-calls'],
    }),
  ),
  ...(['restore', 'check', 'swap', 'activate'] as const).map(
    (step): Row => ({
      what: `stands still at ${step}`,
      signal: ['new', 'SIGSTOP', step],
      after: 'same',
      code: LOST,
      step: step === 'swap' ? ['swap', 'activate'] : step,
    }),
  ),
  ...(['error', 'late-error', 'exit', 'hang', 'rubbish'] as const).flatMap((misdeed): Row[] =>
    (['restore', 'check', 'activate'] as const)
      .filter((method) => misdeed !== 'rubbish' || method !== 'activate')
      .map((method) => ({
        what: `answers ${method} with ${misdeed}`,
        misdeeds: next({ [method]: misdeed }),
        after: 'same',
        code: LOST,
        step: method,
      })),
  ),
  {
    what: 'begins when it was given up already',
    misdeeds: next({ activate: 'late:3200' }),
    after: 'same',
    code: FAILED,
    why: 'DEADLINE_EXCEEDED',
    step: 'activate',
  },
  {
    what: 'has another state than it was given, in another form',
    misdeeds: next({ restore: 'spoil' }),
    after: 'same',
    code: 'STATE_DIFFERS',
    step: 'check',
  },
  {
    what: 'forgets the state that it reads, in the same form',
    next: { forgets: true, schema: 1 },
    after: 'same',
    code: 'STATE_DIFFERS',
    step: 'check',
  },
  {
    what: 'forgets its state, and does not compare',
    next: { forgets: true, schema: 1 },
    misdeeds: next({ check: 'unimplemented' }),
    after: 'same',
    code: 'STATE_DIFFERS',
    step: 'check',
  },
];

const oldOnes: Row[] = [
  ...(['error', 'late-error', 'hang', 'rubbish'] as const).map(
    (misdeed): Row => ({
      what: `answers pause with ${misdeed}`,
      misdeeds: old({ pause: misdeed }),
      after: 'same',
      code: FAILED,
      step: 'pause',
    }),
  ),
  ...(
    [
      'error',
      'rubbish',
      'no-header',
      'two-headers',
      'truncated',
      'corrupt',
      'huge',
      'nothing',
      'hang',
      'hang-halfway',
      'endless',
    ] as const
  ).map(
    (misdeed): Row => ({
      what: `answers snapshot with ${misdeed}`,
      misdeeds: old({ snapshot: misdeed }),
      after: 'same',
      code: FAILED,
      step: 'snapshot',
    }),
  ),
  ...(['error', 'late-error', 'hang'] as const).map(
    (misdeed): Row => ({
      what: `answers release with ${misdeed}`,
      misdeeds: old({ release: misdeed }),
      after: 'same',
      code: FAILED,
      step: 'release',
    }),
  ),
  ...(['error', 'late-error', 'exit', 'hang'] as const).map(
    (misdeed): Row => ({
      what: `answers resume with ${misdeed}`,
      misdeeds: { ...next({ restore: 'error' }), ...old({ resume: misdeed }) },
      after: 'again',
      code: FAILED,
      step: 'restore',
      ...(misdeed === 'hang' ? { failing: 'held too long' } : {}),
    }),
  ),
  { what: 'leaves in pause', misdeeds: old({ pause: 'exit' }), after: 'anew', code: LOST, step: 'pause' },
  {
    what: 'leaves in the midst of its snapshot',
    misdeeds: old({ snapshot: 'exit-halfway' }),
    after: 'anew',
    code: LOST,
    step: 'snapshot',
  },
  { what: 'leaves in release', misdeeds: old({ release: 'exit' }), after: 'done' },
  ...(['hold', 'quiesce', 'pause'] as const).map(
    (step): Row => ({
      what: `is killed at ${step}`,
      signal: ['old', 'SIGKILL', step],
      after: 'anew',
      code: LOST,
      step: ['hold', 'quiesce', 'pause', 'snapshot'],
      failing: 'in flight',
    }),
  ),
  ...(['release', 'restore', 'check', 'swap', 'activate', 'drain'] as const).map(
    (step): Row => ({
      what: `is killed at ${step}`,
      signal: ['old', 'SIGKILL', step],
      after: 'done',
    }),
  ),
  {
    what: 'is killed where the new one fails after it',
    misdeeds: next({ activate: 'error' }),
    signal: ['old', 'SIGKILL', 'check'],
    after: 'again',
    code: FAILED,
    step: 'activate',
  },
  {
    what: 'stands still at pause',
    signal: ['old', 'SIGSTOP', 'pause'],
    after: 'anew',
    code: FAILED,
    step: 'pause',
    failing: 'held too long',
  },
  {
    what: 'stands still at release',
    signal: ['old', 'SIGSTOP', 'release'],
    after: 'again',
    code: FAILED,
    step: 'release',
    failing: 'held too long',
  },
  { what: 'stands still at check', signal: ['old', 'SIGSTOP', 'check'], after: 'done' },
  { what: 'stands still at drain', signal: ['old', 'SIGSTOP', 'drain'], after: 'done' },
];

/** The others take long, or are much like these. */
const everyday = [
  'reads another schema',
  'is killed at activate',
  'has another state than it was given, in another form',
  'answers snapshot with corrupt',
  'answers resume with late-error',
  'leaves in the midst of its snapshot',
  'stands still at drain',
];

describe.each([
  ['new', newOnes],
  ['old', oldOnes],
] as const)('the %s one', (_side, rows) => {
  const tried = rows.filter(({ what }) => full || everyday.includes(what));
  atOnce.each(tried.map((row) => [row.what, row] as const))('%s', (_what, row) => judge(row));
});

const patience: Partial<LoadOptions> = {
  drainTimeoutMs: 2000,
  stopTimeoutMs: 300,
  // Beyond the stalls of a busy machine; each fault that hangs takes three quarters of it.
  restart: { hold: { limitMs: 4000 } },
};

async function judge(row: Row): Promise<void> {
  const resources = { port: 'exclusive' } as const;
  const plugin = await handed().load(room(), { resources }, patience);
  const before = servingPid(plugin);
  const callers = new Callers(plugin);
  await callers.more();
  handed().tell(row.misdeeds ?? {});
  if (row.signal !== undefined) strike(row.signal, before);
  const version = handed().options(room(), { version: '2.0.0', schema: 2, resources, ...row.next });
  const outcome = await outcomeOf(plugin, { ...version, ...row.upgrade });
  expect(outcome).toEqual(expected(row, outcome));
  if (row.after === 'anew') callers.turnThePage();
  await callers.more();
  if (row.after === 'same') expect(servingPid(plugin)).toBe(before);
  else expect(servingPid(plugin)).not.toBe(before);
  expect(room().processes()).toEqual([servingPid(plugin)]);
  if (row.after === 'anew' && row.signal === undefined) expectOneRestart();
  // What went wrong once is no hindrance to a good one.
  handed().tell({});
  const third = handed().options(room(), { version: '3.0.0', schema: 2, resources });
  const report = await plugin.upgrade(third);
  expect(report).toMatchObject({ strategy: 'handoff', outcome: 'swapped', calls: { failed: 0, cut: 0 } });
  await callers.more();
  const { entries, errors } = await callers.end();
  expect(errors.filter((error) => !mayFail(row, error))).toEqual([]);
  const judged = row.after === 'anew' ? entries.filter(({ key }) => key.startsWith('1.')) : entries;
  const verdict = await checkLinearizable(judged);
  expect(verdict).toMatchObject({ linearizable: true, wrong: [] });
  if (row.failing !== 'in flight') expect(verdict.unknown).toBe(0);
}

/** The process that was lost meanwhile counts as any other, and so does the one that came for it. */
function expectOneRestart(): void {
  const { restarts } = room().host.snapshot().plugins[0]?.statistics ?? {};
  expect(restarts).toMatchObject({ lost: { crash: 1 }, restarts: 1, failedStarts: 0, givenUp: 0 });
  const told = room().events.flatMap((event) => (event.type === 'restart' ? [event.phase] : []));
  expect(told).toEqual(['scheduled', 'done']);
}

/** In short, to be compared with what was expected. */
interface Outcome {
  readonly code: string | undefined;
  readonly step: unknown;
  readonly why: unknown;
  readonly serves: string;
}

async function outcomeOf(plugin: Plugin, options: UpgradeOptions): Promise<Outcome> {
  const failure: unknown = await plugin.upgrade(options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure !== undefined && !(failure instanceof PluginError)) throw failure;
  return {
    code: failure?.code,
    step: failure?.facts['step'],
    why: failure?.facts['why'],
    serves: plugin.status().version,
  };
}

function expected({ after, code, step, why }: Row, outcome: Outcome): unknown {
  const oneOf = (wanted: string | readonly string[] | undefined, was: unknown): unknown =>
    Array.isArray(wanted) && wanted.includes(was) ? was : wanted;
  if (after === 'done') return { code: undefined, step: undefined, why: undefined, serves: '2.0.0' };
  return {
    code: oneOf(code, outcome.code),
    step: oneOf(step, outcome.step),
    why: why ?? outcome.why,
    serves: '1.0.0',
  };
}

/** Sends a signal when a step begins, once. */
function strike([side, signal, at]: NonNullable<Row['signal']>, oldPid: number): void {
  let struck = false;
  room().host.on('event', (event) => {
    if (struck || event.type !== 'operation' || event.step !== at || event.phase !== 'started') return;
    struck = true;
    const pid =
      side === 'old'
        ? oldPid
        : room()
            .processes()
            .find((one) => one !== oldPid);
    if (pid === undefined) throw new Error('there is no process to strike');
    process.kill(pid, signal);
  });
}

function mayFail({ failing, after }: Row, error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  if (failing === 'held too long') return error.pluginCode === 'HELD_TOO_LONG' && error.executed === 'no';
  // A call of one that keeps no snapshot may have come in between.
  return failing === 'in flight' || after === 'anew';
}
