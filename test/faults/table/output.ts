import type { Act, Fault } from './fault';

const MEGABYTES = 1024;

const flood = (name: string, chaos: string, over: Partial<Fault> = {}): Fault => ({
  name: `flood of 1 GB: ${name}`,
  moment: 'at work',
  chaos,
  acts: [{ act: 'load' }, { act: 'await output', megabytes: MEGABYTES }, { act: 'call', kind: 'get' }],
  end: 'unchanged',
  limitMs: 150_000,
  ...over,
});

const text = (chaos: string): Pick<Fault, 'chaos' | 'acts'> => ({
  acts: [
    { act: 'tell', chaos },
    { act: 'call', kind: 'chat' },
  ] satisfies readonly Act[],
});

/** What it prints. */
export const outputFaults: readonly Fault[] = [
  flood('lines on stdout', 'flood-stdout:lines'),
  flood('lines on stderr', 'flood-stderr:lines'),
  flood('log records on stderr', 'flood-stderr:json'),
  flood('bytes without a line on both', 'flood-stdout:no-line;flood-stderr:no-line'),
  flood('lines on the stdio stream', 'flood-stdio:lines'),
  flood('rubbish on the stdio stream', 'flood-stdio:binary', { modes: ['plain', 'mux'] }),
  {
    name: 'flood of 100 MB on stdout and stderr',
    moment: 'at work',
    ...text('flood-stdout:json:50;flood-stderr:nested:50'),
    end: 'unchanged',
  },
  {
    name: 'garbage in log records',
    moment: 'at work',
    ...text('json-wrong-types'),
    end: 'unchanged',
  },
];
