import { createInterface } from 'node:readline';
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
    const { signal } = context;
    const answer = await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      // The end of input is no answer.
      lines.once('close', () => resolve(''));
      signal.addEventListener('abort', () => resolve(''), { once: true });
    });
    signal.throwIfAborted();
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
