import type { CallKind, Fault, Mode } from './fault';

const everyMode: readonly Mode[] = ['plain', 'mtls', 'mux'];
const kinds: readonly CallKind[] = ['get', 'put', 'watch', 'load', 'chat'];
const names: Record<CallKind, string> = {
  get: 'a call without side effects',
  put: 'a call that may be made twice',
  watch: 'a server stream',
  load: 'a client stream',
  chat: 'a stream both ways',
};

/** What a call is told that was lost with its process, where it may not be made again. */
const LOST = 'UNAVAILABLE INSTANCE_LOST';
const isUnary = (kind: CallKind): boolean => kind === 'get' || kind === 'put';

const inCalls = kinds.flatMap((kind): Fault[] => [
  {
    name: 'crash',
    moment: `in ${names[kind]}`,
    modes: everyMode,
    daily: kind === 'chat',
    acts: [
      { act: 'tell', chaos: `crash-in-call:${kind}` },
      { act: 'call', kind },
    ],
    end: 'restarted',
    calls: isUnary(kind) ? ['OK'] : [LOST],
  },
  {
    name: 'hang of one call',
    moment: `in ${names[kind]}`,
    acts: [
      { act: 'tell', chaos: `hang-in-call:${kind}` },
      { act: 'call', kind, timeoutMs: 1_000 },
    ],
    end: 'unchanged',
    calls: ['DEADLINE_EXCEEDED'],
    ...(kind === 'get' ? { steady: ['OK', 'DEADLINE_EXCEEDED'] } : {}),
  },
  {
    name: 'hang of the process',
    moment: `in ${names[kind]}`,
    modes: everyMode,
    acts: [
      { act: 'tell', chaos: `block-in-call:${kind}` },
      { act: 'call', kind },
    ],
    end: 'restarted',
    calls: isUnary(kind) ? ['OK'] : [LOST],
  },
]);

/**
 * Of rows with thousands of calls: to make and to end so many costs whoever makes them seconds of his loop, also where nothing goes
 * wrong. Most of what their loss costs is Node's and grpc-js's own: all streams of a broken connection end in one turn.
 */
const manyCalls: Partial<Fault> = { growthMiB: 400, limitMs: 60_000, slackMs: 60 };

const openStreams = (count: number): Fault => ({
  name: `${count.toLocaleString('en')} open streams`,
  moment: 'in a crash',
  ...manyCalls,
  acts: [
    { act: 'tell', chaos: 'hang-in-call:watch' },
    { act: 'call', kind: 'watch', count, timeoutMs: 60_000 },
    { act: 'await answers', count },
    { act: 'signal', signal: 'SIGKILL' },
  ],
  end: 'restarted',
  calls: [LOST],
});

const bombOf = (count: number): Fault => ({
  name: `a bomb of ${count} children`,
  moment: 'at work',
  acts: [
    { act: 'tell', chaos: `children:${count}` },
    { act: 'await processes', count: count + 1 },
  ],
  end: 'unchanged',
});

/** While it serves: the host notices, and has another process at work. */
export const workFaults: readonly Fault[] = [
  ...inCalls,
  {
    name: 'crash',
    moment: 'at rest',
    modes: everyMode,
    acts: [{ act: 'signal', signal: 'SIGKILL' }],
    end: 'restarted',
  },
  {
    name: 'crash',
    moment: 'in a health check',
    acts: [{ act: 'tell', chaos: 'crash-in-health' }],
    end: 'restarted',
  },
  {
    name: 'crash',
    moment: 'again and again',
    // So late that it has come to serve before, on a machine that is busy too.
    chaos: 'crash-after:1200',
    acts: [{ act: 'load' }],
    end: 'failed',
    code: 'CRASH_LOOP',
  },
  {
    name: 'hang',
    moment: 'in a health check',
    acts: [{ act: 'tell', chaos: 'block-in-health' }],
    end: 'restarted',
  },
  {
    name: 'a health check without an answer',
    moment: 'at work',
    acts: [{ act: 'tell', chaos: 'hang-health' }],
    end: 'restarted',
  },
  {
    name: 'a health status that there is not',
    moment: 'at work',
    acts: [{ act: 'tell', chaos: 'health-nonsense' }],
    end: 'restarted',
  },
  {
    name: 'SIGSTOP',
    moment: 'at work',
    modes: everyMode,
    daily: true,
    acts: [
      { act: 'signal', signal: 'SIGSTOP' },
      { act: 'call', kind: 'load' },
    ],
    end: 'restarted',
    calls: [LOST],
  },
  {
    name: 'SIGSTOP, and SIGCONT soon after it',
    moment: 'at work',
    acts: [
      { act: 'signal', signal: 'SIGSTOP' },
      { act: 'call', kind: 'load' },
      { act: 'wait', ms: 300 },
      { act: 'signal', signal: 'SIGCONT' },
    ],
    end: 'unchanged',
  },
  {
    name: 'SIGTERM from a stranger',
    moment: 'at work',
    acts: [{ act: 'signal', signal: 'SIGTERM' }],
    end: 'restarted',
  },
  { ...openStreams(2_000), daily: true },
  openStreams(10_000),
  {
    name: '10,000 calls at once that may be made twice',
    moment: 'in a crash',
    ...manyCalls,
    acts: [
      { act: 'tell', chaos: 'hang-in-call:put' },
      { act: 'call', kind: 'put', count: 10_000, timeoutMs: 60_000 },
      { act: 'await calls', count: 10_000 },
      { act: 'signal', signal: 'SIGKILL' },
    ],
    end: 'restarted',
    // As many as may wait for another process, and no more.
    calls: ['OK', 'RESOURCE_EXHAUSTED HELD_TOO_MANY'],
    steady: ['OK', 'RESOURCE_EXHAUSTED HELD_TOO_MANY'],
  },
  { ...bombOf(60), daily: true },
  bombOf(300),
  {
    name: 'a bomb of 300 children',
    moment: 'and a crash',
    acts: [
      { act: 'tell', chaos: 'children:300' },
      { act: 'await processes', count: 301 },
      { act: 'signal', signal: 'SIGKILL' },
      { act: 'await processes', count: 1, most: true },
    ],
    end: 'restarted',
  },
];
