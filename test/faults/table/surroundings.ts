import type { Act, Fault } from './fault';

const DAY_MS = 24 * 60 * 60 * 1000;
const kill: Act = { act: 'signal', signal: 'SIGKILL' };

/** One that is made again when its process is lost. */
const callUnderWay: readonly Act[] = [
  { act: 'tell', chaos: 'hang-in-call:put' },
  { act: 'call', kind: 'put' },
  { act: 'await calls', count: 1 },
];

/** What happens around host and plugin. */
export const surroundingFaults: readonly Fault[] = [
  {
    name: 'socket file deleted',
    moment: 'at work',
    modes: ['plain', 'mtls', 'mux'],
    acts: [
      { act: 'remove', what: 'socket' },
      { act: 'call', kind: 'get' },
    ],
    end: 'unchanged',
  },
  {
    name: 'socket file deleted',
    moment: 'and the connection cut',
    chaos: 'own-sockets',
    daily: true,
    acts: [
      { act: 'remove', what: 'socket' },
      { act: 'tell', chaos: 'cut-connections' },
      { act: 'call', kind: 'get' },
    ],
    end: 'restarted',
  },
  {
    name: 'instance directory deleted',
    moment: 'and a crash',
    acts: [{ act: 'remove', what: 'instance directory' }, kill, { act: 'call', kind: 'get' }],
    end: 'restarted',
  },
  {
    name: 'run directory deleted',
    moment: 'at work',
    acts: [
      { act: 'remove', what: 'run directory' },
      { act: 'call', kind: 'get' },
    ],
    end: 'unchanged',
  },
  {
    name: 'run directory deleted',
    moment: 'and a crash',
    acts: [{ act: 'remove', what: 'run directory' }, kill, { act: 'call', kind: 'get' }],
    end: 'restarted',
  },
  {
    name: 'disk full',
    moment: 'before the line',
    smallDisk: true,
    acts: [{ act: 'fill disk' }, { act: 'load' }, { act: 'free disk' }],
    end: 'refused',
    code: 'RUN_DIR_FULL',
  },
  {
    name: 'disk full',
    moment: 'at work',
    smallDisk: true,
    acts: [{ act: 'fill disk' }, { act: 'call', kind: 'chat' }, { act: 'free disk' }],
    end: 'unchanged',
  },
  {
    name: 'disk full for a second',
    moment: 'in a crash',
    smallDisk: true,
    acts: [{ act: 'fill disk' }, kill, { act: 'wait', ms: 100 }, { act: 'free disk' }],
    end: 'restarted',
  },
  {
    name: 'clock a day ahead',
    moment: 'in calls, and a crash',
    daily: true,
    acts: [...callUnderWay, { act: 'shift clock', byMs: DAY_MS }, { act: 'wait', ms: 300 }, kill],
    end: 'restarted',
  },
  {
    name: 'clock a day back',
    moment: 'in calls, and a crash',
    acts: [...callUnderWay, { act: 'shift clock', byMs: -DAY_MS }, { act: 'wait', ms: 300 }, kill],
    end: 'restarted',
  },
  {
    name: 'clock to and fro',
    moment: 'in calls and a hang',
    acts: [
      { act: 'signal', signal: 'SIGSTOP' },
      { act: 'shift clock', byMs: DAY_MS },
      { act: 'wait', ms: 300 },
      { act: 'shift clock', byMs: -2 * DAY_MS },
      { act: 'wait', ms: 300 },
      { act: 'shift clock', byMs: DAY_MS },
    ],
    end: 'restarted',
  },
];
