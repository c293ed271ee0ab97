import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { PluginError } from '@plugd/protocol/plugin-error';
import { resolveCommand } from '../artifact/command';
import { conform } from '../conform/conform';
import { modes, type RuleResult } from '../conform/rule';
import { type Summary, summarize } from '../conform/summary';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { cookieOption, versionsOption } from './handshake-options';
import { reportError } from './report-error';
import { UsageError } from './usage-error';

/** As they were typed. */
export interface ConformOptions {
  readonly cookie?: string;
  readonly versions: string;
  readonly mode: readonly string[];
  readonly timeout: string;
  readonly json?: true;
}

/** Runs `plugd conform`. @throws UsageError */
export async function runConform(
  plugin: string,
  args: readonly string[],
  options: ConformOptions,
  context: CliContext,
): Promise<void> {
  const { stdout, env, cwd } = context;
  const given = {
    cookie: neededCookie(options.cookie),
    versions: versionsOption(options.versions),
    timeoutMs: timeout(options.timeout),
  };
  const wanted = (options.mode ?? []).map((text) => {
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

function neededCookie(text: string | undefined): [string, string] {
  if (text !== undefined) return cookieOption(text);
  throw new UsageError('--cookie NAME=VALUE is missing: a plugin starts only with its cookie.');
}

function timeout(text: string): number {
  const ms = Number(text);
  if (/^\d+$/.test(text) && ms > 0 && ms <= LONGEST_TIMER_MS) return ms;
  throw new UsageError(`--timeout ${text} is no number of milliseconds.`);
}
