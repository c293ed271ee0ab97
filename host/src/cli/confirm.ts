import { createInterface } from 'node:readline/promises';
import type { CliContext } from './context';
import { visible } from './output/visible';
import { UsageError } from './usage-error';

/**
 * Asks before what can't be taken back, unless `--yes` was given. False: the answer was no.
 *
 * @throws UsageError where nobody is there who could answer.
 */
export async function confirm(context: CliContext, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  const { stdin, stderr } = context;
  if (stdin?.isTTY !== true || stderr.isTTY !== true)
    throw new UsageError(`${question} Nobody can be asked here: say --yes.`);
  const lines = createInterface({ input: stdin });
  try {
    stderr.write(`${visible(question)} [y/N] `);
    // The end of input is no answer.
    const answer = await Promise.race([
      lines.question('', { signal: context.signal }),
      new Promise<string>((resolve) => lines.once('close', () => resolve(''))),
    ]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
