import { execFile } from 'node:child_process';

const LIMIT_MS = 60_000;

/** Runs a program to its end, however that is, and returns what it said. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const limits = { timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;
    execFile(file, [...args], { ...limits, ...options }, (error, stdout, stderr) => {
      const said = (stderr + stdout).trim();
      resolve(error !== null && said === '' ? error.message : said);
    });
  });
}
