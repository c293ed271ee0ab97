import { spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(__dirname, 'plugins/host-program.cjs');

/** Runs a host in a process of its own to its end, with a text on its standard input. See host-program.cjs. */
export async function runHostProgram(
  order: { readonly load: object; readonly log?: readonly string[] },
  stdin = '',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, JSON.stringify(order)]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const limit = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(limit);
  return { code, stdout, stderr };
}
