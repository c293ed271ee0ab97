import { resolveCommand } from '../artifact/command';
import { conform } from '../conform/conform';
import type { RuleResult } from '../conform/rule';
import { type Summary, summarize } from '../conform/summary';
import type { ConformCommand } from './command-line';
import type { Surroundings } from './run-surroundings';

/** Runs `plugd conform` and returns its exit code. Throws the PluginError of a plugin that can't be started. */
export async function runConform(command: ConformCommand, surroundings: Surroundings): Promise<number> {
  const { stdout, env } = surroundings;
  const cwd = surroundings.cwd();
  const { args, cookie, versions, timeoutMs, modes, json } = command;
  const path = resolveCommand(command.plugin, cwd, env);
  const results = await conform(
    { command: path, args, cwd, env, cookie, versions, timeoutMs },
    {
      ...(modes === undefined ? {} : { modes }),
      ...(json ? {} : { onResult: (result) => stdout.write(asText(result)) }),
    },
  );
  const summary = summarize(results);
  if (json)
    stdout.write(`${JSON.stringify({ plugin: path, args, versions, ...summary, results }, null, 2)}\n`);
  else stdout.write(lastLine(summary));
  return summary.verdict === 'pass' ? 0 : 1;
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
