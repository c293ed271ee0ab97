import type { Act, Fault, Mode } from './fault';

const everyMode: readonly Mode[] = ['plain', 'mtls', 'mux'];
const CUT = 'UNAVAILABLE DRAIN_TIMEOUT';
const LOST = 'UNAVAILABLE INSTANCE_LOST';

/** Steady calls end with their plugin. */
const STOPPED = ['OK', 'UNAVAILABLE PLUGIN_STOPPED', 'UNAVAILABLE ROUTE_CLOSED'];

const upgraded = (chaos: string): readonly Act[] => [
  { act: 'tell', chaos },
  { act: 'call', kind: 'load' },
  { act: 'upgrade' },
];

const stopped = (chaos: string): readonly Act[] => [{ act: 'tell', chaos }, { act: 'stop' }];

/** When it has to leave. */
export const leavingFaults: readonly Fault[] = [
  {
    name: 'crash',
    moment: 'in drain',
    modes: everyMode,
    daily: true,
    acts: upgraded('hang-in-call:load;crash-in-drain'),
    end: 'upgraded',
    calls: [LOST],
  },
  {
    name: 'hang of Drain',
    moment: 'in drain',
    acts: upgraded('hang-in-drain'),
    end: 'upgraded',
  },
  {
    name: 'hang of the process',
    moment: 'in drain',
    modes: everyMode,
    acts: upgraded('hang-in-call:load;block-in-drain'),
    end: 'upgraded',
    calls: [CUT],
    steady: ['OK', CUT],
  },
  {
    name: 'SIGSTOP',
    moment: 'before an upgrade',
    acts: [{ act: 'signal', signal: 'SIGSTOP' }, { act: 'upgrade' }],
    end: 'upgraded',
    steady: ['OK', CUT],
  },
  {
    name: 'crash of the new version',
    moment: 'in an upgrade',
    acts: [{ act: 'upgrade', chaos: 'crash-in-health' }],
    end: 'unchanged',
    code: 'PLUGIN_EXITED',
  },
  {
    name: 'crash',
    moment: 'in Shutdown',
    modes: everyMode,
    acts: stopped('crash-in-shutdown'),
    end: 'stopped',
    steady: STOPPED,
  },
  {
    name: 'hang of Shutdown',
    moment: 'in Shutdown',
    acts: stopped('hang-shutdown'),
    end: 'stopped',
    steady: STOPPED,
  },
  {
    name: 'hang of the process',
    moment: 'in Shutdown',
    modes: everyMode,
    acts: stopped('block-in-shutdown'),
    end: 'stopped',
    steady: STOPPED,
  },
  {
    name: 'SIGSTOP',
    moment: 'before a stop',
    acts: [{ act: 'signal', signal: 'SIGSTOP' }, { act: 'stop' }],
    end: 'stopped',
    steady: [...STOPPED, CUT],
  },
  {
    name: '300 children',
    moment: 'left behind',
    acts: [{ act: 'tell', chaos: 'children:300' }, { act: 'await processes', count: 301 }, { act: 'stop' }],
    end: 'stopped',
    steady: STOPPED,
  },
];
