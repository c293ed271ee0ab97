import { CliContext } from '../../../host/src/cli/context';
import { type ShiftFlags, shiftOptions } from '../../../host/src/cli/operation/shift-flags';
import { createProgram } from '../../../host/src/cli/program';
import { UsageError } from '../../../host/src/cli/usage-error';

function flags(line: string): ShiftFlags {
  const nowhere = { write: () => true };
  const context = new CliContext({ stdout: nowhere, stderr: nowhere, env: {}, cwd: () => '/' });
  const verb = createProgram(context).commands.find((one) => one.name() === 'upgrade');
  if (verb === undefined) throw new Error('there is no such verb');
  verb.parseOptions(line.split(' ').filter(Boolean));
  return verb.opts<ShiftFlags>();
}

const options = (line: string) => shiftOptions(flags(line));

test.each<[string, object]>([
  ['', {}],
  ['--strategy overlap --bake 30s', { strategy: 'overlap', bakeMs: 30_000 }],
  ['--bake 0', { bakeMs: 0 }],
  [
    '--step 5:1m,25,100%',
    {
      strategy: 'canary',
      canary: { steps: [{ weight: 5, bakeMs: 60_000 }, { weight: 25 }, { weight: 100 }] },
    },
  ],
  [
    '--strategy canary --bake 10s --sticky user --min-calls 20 --max-step 2m',
    { strategy: 'canary', canary: { bakeMs: 10_000, stickyKey: 'user', minCalls: 20, maxStepMs: 120_000 } },
  ],
  ['--strategy blue-green --bake 1h', { strategy: 'blue-green', blueGreen: { bakeMs: 3_600_000 } }],
  [
    '--force --dry-run --require-contract --keep-warm 5m --shift-timeout 1d',
    { force: true, dryRun: true, contractPolicy: 'require', keepWarmMs: 300_000, shiftTimeoutMs: 86_400_000 },
  ],
])('%j means what the library is told', (line, meant) => {
  expect(options(line)).toEqual({ ...meant, ifBusy: 'wait' });
});

test.each([
  '--strategy rolling --step 50,100',
  '--strategy overlap --sticky user',
  '--strategy shadow --bake 1m',
])('%s is refused, for it would mean nothing', (line) => {
  expect(() => options(line)).toThrow(UsageError);
});

test.each([
  '--step 5;100',
  '--step 5:soon',
  '--step -5',
  '--bake tomorrow',
  '--min-calls 0',
  '--if-busy hope',
])('%s can not be read', (line) => {
  expect(() => flags(line)).toThrow(/argument/);
});
