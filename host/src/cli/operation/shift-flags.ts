import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CanaryStep } from '../../strategies/canary';
import type { RollbackOptions } from '../../upgrade/upgrade-options';
import { durationMs, waitOption } from '../duration';
import { UsageError } from '../usage-error';

const strategyNames = [
  'overlap',
  'handoff',
  'recreate',
  'canary',
  'shadow',
  'rolling',
  'blue-green',
] as const;

/** What upgrades and rollbacks are told of how the calls come from one version to the other. */
export interface ShiftFlags {
  readonly strategy?: (typeof strategyNames)[number];
  readonly step?: readonly CanaryStep[];
  readonly bake?: number;
  readonly sticky?: string;
  readonly minCalls?: number;
  readonly maxStep?: number;
  readonly shiftTimeout?: number;
  readonly keepWarm?: number;
  readonly requireContract?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly ifBusy?: 'wait' | 'fail';
}

const group = 'How the calls come from one version to the other:';

export function addShiftFlags(command: Command): Command {
  for (const option of shiftFlags()) command.addOption(option.helpGroup(group));
  return command
    .option('--dry-run', 'starts and proves the version, and stops it again: no call goes to it')
    .addOption(
      new Option('--if-busy <what>', 'where another operation is under way')
        .choices(['wait', 'fail'])
        .default('wait'),
    );
}

function shiftFlags(): Option[] {
  return [
    new Option(
      '--strategy <name>',
      'default: as the manifest says, else as the plugin says of itself',
    ).choices(strategyNames),
    new Option(
      '--step <weights>',
      'of a canary: shares of the new version in percent, such as 5,25,100, each with a time of its own if wanted: 5:1m,100',
    ).argParser(stepOption),
    new Option(
      '--bake <time>',
      'how long the new version has to do well: of a canary in each step, else after the swap',
    ).argParser(bakeOption),
    new Option('--sticky <key>', 'of a canary: metadata by whose value callers stay on one version'),
    new Option(
      '--min-calls <number>',
      'of a canary: calls that each version has to answer in a step',
    ).argParser(countOption),
    new Option('--max-step <time>', 'of a canary: how long a step may wait for enough calls').argParser(
      waitOption,
    ),
    new Option('--shift-timeout <time>', 'how long both versions may share the calls').argParser(waitOption),
    new Option(
      '--keep-warm <time>',
      'how long the old version is kept for a rollback that takes no start',
    ).argParser(waitOption),
    new Option('--require-contract', 'refuses a version whose contract can not be compared'),
    new Option('--force', 'goes on although the contract is broken; asks'),
  ];
}

/** The library's options. @throws UsageError for flags that don't go together. */
export function shiftOptions(flags: ShiftFlags): RollbackOptions {
  const { step, sticky, minCalls, maxStep, bake } = flags;
  const canary = {
    ...(step === undefined ? {} : { steps: step }),
    ...(sticky === undefined ? {} : { stickyKey: sticky }),
    ...(minCalls === undefined ? {} : { minCalls }),
    ...(maxStep === undefined ? {} : { maxStepMs: maxStep }),
  };
  const ofCanary = Object.keys(canary).length > 0;
  const strategy = flags.strategy ?? (ofCanary ? 'canary' : undefined);
  if (ofCanary && strategy !== 'canary')
    throw new UsageError('--step, --sticky, --min-calls and --max-step are for --strategy canary.');
  if (bake !== undefined && (strategy === 'rolling' || strategy === 'shadow'))
    throw new UsageError(`--bake means nothing to --strategy ${strategy}.`);
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...bakeOptions(strategy, bake, canary, ofCanary),
    ...(flags.shiftTimeout === undefined ? {} : { shiftTimeoutMs: flags.shiftTimeout }),
    ...(flags.keepWarm === undefined ? {} : { keepWarmMs: flags.keepWarm }),
    ...(flags.requireContract === true ? { contractPolicy: 'require' } : {}),
    ...(flags.force === true ? { force: true } : {}),
    ...(flags.dryRun === true ? { dryRun: true } : {}),
    ...(flags.ifBusy === undefined ? {} : { ifBusy: flags.ifBusy }),
  };
}

/** Each strategy that watches has a time of its own for that. */
function bakeOptions(
  strategy: string | undefined,
  bakeMs: number | undefined,
  canary: NonNullable<RollbackOptions['canary']>,
  ofCanary: boolean,
): Pick<RollbackOptions, 'canary' | 'blueGreen' | 'bakeMs'> {
  if (bakeMs === undefined) return ofCanary ? { canary } : {};
  if (strategy === 'canary') return { canary: { ...canary, bakeMs } };
  return strategy === 'blue-green' ? { blueGreen: { bakeMs } } : { bakeMs };
}

/** `5,25:2m,100` */
function stepOption(text: string): readonly CanaryStep[] {
  return text.split(',').map((one) => {
    const [, weight, time] = /^(\d+(?:\.\d+)?)%?(?::(.+))?$/.exec(one.trim()) ?? [];
    const bakeMs = time === undefined ? undefined : durationMs(time);
    if (weight === undefined || (time !== undefined && bakeMs === undefined)) {
      throw new InvalidArgumentError('It is a list of percentages, such as 5,25,100 or 5:1m,100.');
    }
    return { weight: Number(weight), ...(bakeMs === undefined ? {} : { bakeMs }) };
  });
}

function bakeOption(text: string): number {
  return text === '0' ? 0 : waitOption(text);
}

function countOption(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number from 1.');
}
