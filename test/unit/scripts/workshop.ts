import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const repository = path.resolve(__dirname, '../../..');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of the scripts, and of what else a test needs, below a path with a space in it. */
export class Workshop {
  readonly root = path.join(realpathSync(mkdtempSync(path.join(tmpdir(), 'plugd scripts '))), 'a clone');

  constructor(...copied: string[]) {
    for (const place of ['scripts', ...copied]) {
      cpSync(path.join(repository, place), path.join(this.root, place), { recursive: true });
    }
  }

  /** The repository's own packages, for scripts that run tools. */
  linkNodeModules(): void {
    symlinkSync(path.join(repository, 'node_modules'), path.join(this.root, 'node_modules'), 'junction');
  }

  path(...names: string[]): string {
    return path.join(this.root, ...names);
  }

  write(file: string, text: string): void {
    mkdirSync(path.dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
  }

  /** Runs a script from a working directory that has nothing to do with it. */
  script(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Outcome {
    return node([this.path(file), ...args], env);
  }

  /** Runs a module's text that imports from `scripts`; `lib` stands for the folder's address. */
  module(text: (lib: string) => string): Outcome {
    const lib = pathToFileURL(this.path('scripts', 'lib')).href;
    return node(['--input-type=module', '--eval', text(lib)], {});
  }

  /** A PATH with Node on it and nothing else. */
  pathWithoutGo(): string {
    const directory = this.path('only-node');
    mkdirSync(directory, { recursive: true });
    const name = path.basename(process.execPath);
    symlinkSync(process.execPath, path.join(directory, name));
    return directory;
  }

  remove(): void {
    rmSync(path.dirname(this.root), { recursive: true, force: true });
  }
}

function node(args: readonly string[], env: NodeJS.ProcessEnv): Outcome {
  const { CI: _, ...inherited } = process.env;
  const child = spawnSync(process.execPath, args, {
    cwd: tmpdir(),
    env: { ...inherited, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: child.status, stdout: child.stdout, stderr: child.stderr };
}
