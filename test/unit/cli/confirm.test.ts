import { PassThrough } from 'node:stream';
import { confirm } from '../../../host/src/cli/confirm';
import { CliContext } from '../../../host/src/cli/context';

/** A terminal at which this is typed, and what was shown there. */
async function typed(text: string, yes = false): Promise<{ answer: boolean; shown: string }> {
  let shown = '';
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const sink = { isTTY: true, write: (part: string) => (shown += part) };
  const context = new CliContext({ stdin, stdout: sink, stderr: sink, env: {}, cwd: () => '/' });
  stdin.end(text);
  const answer = await confirm(context, 'Stop \u001b[2Jkv?', yes);
  await context.close();
  return { answer, shown };
}

test.each<[text: string, answer: boolean]>([
  ['y\n', true],
  ['Yes\n', true],
  [' y \n', true],
  ['n\n', false],
  ['\n', false],
  ['yesterday\n', false],
  // The end of input is no answer.
  ['', false],
])('%j is an answer: %s', async (text, answer) => {
  expect(await typed(text)).toEqual({ answer, shown: 'Stop \\x1b[2Jkv? [y/N] ' });
});

test('--yes asks nothing', async () => {
  expect(await typed('', true)).toEqual({ answer: true, shown: '' });
});

test('where nobody sits, it is refused', async () => {
  const silent = { write: () => true };
  const context = new CliContext({ stdout: silent, stderr: silent, env: {}, cwd: () => '/' });
  await expect(confirm(context, 'Stop kv?', false)).rejects.toThrow('--yes');
});
