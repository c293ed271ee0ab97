import { type Command, Option } from 'commander';
import type { RollbackOptions } from '../upgrade/upgrade-options';
import { confirm } from './confirm';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { runOperation } from './operation/run-operation';
import { addShiftFlags, type ShiftFlags, shiftOptions } from './operation/shift-flags';
import { spokenMs } from './operation/spoken-ms';
import { renderFields } from './output/table';
import { numberOf, type PlainData, recordOf, textOf } from './plain-data';

interface RollbackFlags extends ShiftFlags {
  readonly wait: boolean;
  readonly yes?: boolean;
  readonly plan?: boolean;
  readonly state?: 'handoff' | 'snapshot';
}

/** `plugd rollback`: back to what ran before the last upgrade. */
export function defineRollback(program: Command, context: CliContext): void {
  const verb = program
    .command('rollback')
    .summary('goes back to the version that ran before the last upgrade')
    .description(
      'An upgrade backwards, to the version that ran before the last upgrade or rollback. A second one goes forward again. Asks where state would be lost.',
    )
    .argument('<plugin>', 'its name')
    .option('--plan', 'shows what would be done and what would be lost, and does nothing')
    .addOption(
      new Option(
        '--state <from>',
        'where a plugin with state gets it from: what runs hands it over, or the last one that was kept',
      )
        .choices(['handoff', 'snapshot'])
        .default('handoff'),
    )
    .option('--wait', 'waits until it has ended', true)
    .option('--no-wait', 'ends as soon as it has begun')
    .option('-y, --yes', 'does not ask');
  addShiftFlags(verb).action((plugin: string, flags: RollbackFlags) => rollBack(context, plugin, flags));
}

async function rollBack(context: CliContext, plugin: string, flags: RollbackFlags): Promise<void> {
  const { state } = flags;
  const options: RollbackOptions = { ...shiftOptions(flags), ...(state === undefined ? {} : { state }) };
  const client = await context.client();
  const { plan = {} } = await client.planRollback({ plugin, options: { ...options } }, context.callOptions);
  if (flags.plan === true) {
    context.printOne({
      text: () => planText(plugin, plan),
      name: textOf(plan['version']),
      document: { plugin, ...plan },
    });
    return;
  }
  const question = questionOf(plugin, plan, flags);
  if (question !== undefined && !(await confirm(context, question, flags.yes === true)))
    return context.exitWith(exitCodes.failed);
  await runOperation(context, { plugin, operation: 'rollback', options: { ...options }, wait: flags.wait });
}

/** Undefined: nothing is lost by it. */
function questionOf(plugin: string, plan: PlainData, { force, dryRun }: ShiftFlags): string | undefined {
  if (dryRun === true) return undefined;
  const version = textOf(plan['version']);
  const lost = textOf(plan['lost']);
  if (lost !== '') return `Roll ${plugin} back to ${version}, and lose ${lost}?`;
  if (force === true)
    return `Roll ${plugin} back to ${version} even if that breaks its contract with its callers?`;
  return undefined;
}

function planText(plugin: string, plan: PlainData): string {
  const state = recordOf(plan['state']);
  const from = textOf(state['from']);
  const kept =
    from === 'snapshot'
      ? `, kept ${spokenMs(numberOf(state['ageMs']))} ago, ${numberOf(state['bytes'])} bytes`
      : '';
  return renderFields([
    ['Plugin', plugin],
    ['Version', textOf(plan['version'])],
    ['From', textOf(plan['from']) === 'warm' ? 'its process, which is still there' : 'a new start'],
    ['Strategy', textOf(plan['strategy'])],
    ['State', from === '' ? '' : `${from}${kept}`],
    ['Lost', textOf(plan['lost'])],
  ]);
}
