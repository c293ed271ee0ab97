import { execFile } from 'node:child_process';

/**
 * Runs one of the system's own programs and gives what it printed on stdout; undefined if it is missing, failed or
 * took longer than `timeoutMs`.
 */
export type RunProgram = (
  file: string,
  args: readonly string[],
  timeoutMs?: number,
) => Promise<string | undefined>;

export const runProgram: RunProgram = (file, args, timeoutMs = 5_000) =>
  new Promise((resolve) => {
    // The C locale, so that dates and messages are the same everywhere.
    const env = { ...process.env, LC_ALL: 'C' };
    execFile(file, [...args], { timeout: timeoutMs, windowsHide: true, env }, (error, stdout) =>
      resolve(error === null ? stdout : undefined),
    );
  });
