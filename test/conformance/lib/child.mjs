import { spawn } from 'node:child_process';

/** Runs a program to its end and gives all that it printed; whatever exit code it has is the caller's to judge. */
export function runToEnd(file, args, { limitMs }) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    const chunks = [];
    const errors = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => errors.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(chunks).toString(),
        stderr: Buffer.concat(errors).toString(),
      });
    });
  });
}

/** Starts a server that prints its address as its first line, for as long as `use` takes. */
export async function withServer(file, args, use) {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    const address = await new Promise((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
        if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
      });
      child.once('error', reject);
      child.once('close', () => reject(new Error(`${file} ended before it listened`)));
    });
    return await use(address);
  } finally {
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}
