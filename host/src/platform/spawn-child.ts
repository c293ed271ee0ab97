import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { ProcessExit, SpawnedProcess, SpawnSpec } from './platform';

export type SpawnFunction = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

export const systemSpawn: SpawnFunction = (command, args, options) => spawn(command, [...args], options);

/** Starts a child and dresses it as a {@link SpawnedProcess}. Rejects with the system's error. */
export async function spawnChild(
  spec: SpawnSpec,
  options: { readonly ownGroup: boolean; readonly spawn: SpawnFunction },
): Promise<SpawnedProcess> {
  const output = spec.output === false ? 'ignore' : 'pipe';
  const child = options.spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...spec.env },
    stdio: [spec.stdin, output, output],
    detached: options.ownGroup,
    windowsHide: true,
    shell: false,
  });
  const { pid } = child;
  if (pid === undefined)
    // Node reports on the next tick why there is no process.
    throw await new Promise<Error>((resolve) => child.once('error', resolve));
  // A child can emit errors later too (a signal that could not be sent): none of them says anything new.
  child.on('error', () => {});
  const exited = new Promise<ProcessExit>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  return {
    pid,
    group: options.ownGroup ? pid : null,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    onExit: (listener) => {
      child.once('exit', (code, signal) => listener({ code, signal }));
    },
    unref: () => child.unref(),
  };
}
