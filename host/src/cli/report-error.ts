import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { CliContext } from './context';
import { isTimeout } from './exit-code';
import { asJson } from './output/json';
import { visible, visibleLines } from './output/visible';
import { asYaml } from './output/yaml';
import { UsageError } from './usage-error';

/** What was asked for can't be written. @param why the system's code for it */
export class OutputError extends Error {
  override readonly name = 'OutputError';

  constructor(why: string, options?: ErrorOptions) {
    super(`stdout can not be written: ${why}`, options);
  }
}

/** Says on stderr what ended a command. False: it is none of the errors that a user can do something about. */
export function reportError(error: unknown, context: CliContext): boolean {
  const { stderr, output } = context;
  const told = documentOf(error);
  if (told === undefined) return false;
  if (output === 'json') stderr.write(asJson({ error: told }));
  else if (output === 'yaml') stderr.write(asYaml({ error: told }));
  else if (error instanceof UsageError)
    stderr.write(`plugd: ${visibleLines(error.message)}\nplugd --help tells more.\n`);
  else stderr.write(error instanceof PluginError ? asText(error) : `plugd: ${visible(told.message)}\n`);
  return true;
}

interface ErrorDocument {
  readonly code: string;
  readonly message: string;
}

function documentOf(error: unknown): ErrorDocument | undefined {
  if (error instanceof PluginError) return error.toJSON();
  if (error instanceof UsageError) return { code: 'USAGE', message: error.message };
  if (error instanceof OutputError) return { code: 'OUTPUT_FAILED', message: error.message };
  if (isTimeout(error)) return { code: 'TIMEOUT', message: timeoutMessage(error) };
  if (error instanceof RpcError) return { code: 'RPC_FAILED', message: error.message };
  return undefined;
}

/** gRPC's own words for it are of channels and names. */
function timeoutMessage(error: unknown): string {
  if (error instanceof RpcError || !(error instanceof Error))
    return 'The daemon did not end the answer in time.';
  return error.message;
}

/** The sentence, what is known, and what to do. */
function asText({ code, summary, facts, hint }: PluginError): string {
  const known = Object.entries(facts).flatMap(([name, value]) => {
    const text = typeof value === 'string' ? value : shortJson(value);
    // What the sentence says already is not said twice, and what is not so tells people nothing.
    const nothing = text === undefined || text === '' || text === 'false' || summary.includes(text);
    return nothing ? [] : [`  ${visible(name)}: ${cut(text)}`];
  });
  return `${[`plugd: [${code}] ${visibleLines(summary)}`, ...known, `  ${visible(hint)}`].join('\n')}\n`;
}

/** Whole documents are for programs, who get them with `-o json`. */
function shortJson(value: unknown): string | undefined {
  const text = JSON.stringify(value);
  return text === undefined || text.length > mostJson ? undefined : text;
}

const mostJson = 200;
const longest = 2_000;

/** Lines of a plugin's output stay lines. */
function cut(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return visibleLines(short).trimEnd().replaceAll('\n', '\n    ');
}
