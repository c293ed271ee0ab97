import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { PluginError } from '@plugd/protocol/plugin-error';
import { resolveCommand } from '../artifact/command';
import { conform } from '../conform/conform';
import { modes, type RuleResult } from '../conform/rule';
import { type Summary, summarize } from '../conform/summary';
import type { ConformOptions } from './conform-command';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { reportError } from './report-error';
import { UsageError } from './usage-error';

/** Runs `plugd conform`. @throws UsageError */
export async function runConform(
  plugin: string,
  args: readonly string[],
  options: ConformOptions,
  context: CliContext,
): Promise<void> {
  const { stdout, env, cwd } = context;
  const given = {
    cookie: cookie(options.cookie),
    versions: versions(options.versions),
    timeoutMs: timeout(options.timeout),
  };
  const wanted = options.mode.map((text) => {
    const found = modes.find((one) => one === text);
    if (found !== undefined) return found;
    throw new UsageError(`There is no mode ${text}; there are ${modes.join(', ')}.`);
  });
  const json = options.json === true;
  try {
    const path = resolveCommand(plugin, cwd, env);
    const results = await conform(
      { command: path, args, cwd, env, ...given },
      {
        ...(wanted.length === 0 ? {} : { modes: wanted }),
        ...(json ? {} : { onResult: (result) => stdout.write(asText(result)) }),
      },
    );
    const summary = summarize(results);
    const document = { plugin: path, args, versions: given.versions, ...summary, results };
    stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : lastLine(summary));
    context.exitWith(summary.verdict === 'pass' ? exitCodes.ok : exitCodes.failed);
  } catch (error) {
    // The plugin can't be started: the command was given something else than a plugin.
    if (!(error instanceof PluginError) || !reportError(error, context)) throw error;
    context.exitWith(exitCodes.usage);
  }
}

function asText({ id, mode, verdict, section, rule, expected, seen }: RuleResult): string {
  const head = `${verdict.padEnd(5)} ${id}${mode === null ? '' : ` [${mode}]`}`;
  if (verdict === 'pass') return `${head}: ${seen}\n`;
  return `${head}\n      ${rule} (${section})\n      expected: ${expected}\n      seen:     ${seen}\n`;
}

function lastLine({ verdict, counts }: Summary): string {
  const { pass, fail, warn, skip } = counts;
  return `\n${verdict}: ${pass} passed, ${fail} failed, ${warn} warnings, ${skip} skipped\n`;
}

function cookie(text: string | undefined): [string, string] {
  if (text === undefined)
    throw new UsageError('--cookie NAME=VALUE is missing: a plugin starts only with its cookie.');
  const end = text.indexOf('=');
  if (end < 1 || end === text.length - 1)
    throw new UsageError(`--cookie ${text} is not of the form NAME=VALUE.`);
  return [text.slice(0, end), text.slice(end + 1)];
}

function versions(text: string): number[] {
  const list = text.split(',').map((item) => (/^\d{1,9}$/.test(item) ? Number(item) : undefined));
  return list.map((version) => {
    if (version !== undefined) return version;
    throw new UsageError(`--versions ${text} is no list of whole numbers, such as 1,2.`);
  });
}

function timeout(text: string): number {
  const ms = Number(text);
  if (/^\d+$/.test(text) && ms > 0 && ms <= LONGEST_TIMER_MS) return ms;
  throw new UsageError(`--timeout ${text} is no number of milliseconds.`);
}
