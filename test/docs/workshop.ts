import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { counterTs, kvTs } from '../support/samples';
import { root } from './markdown';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory of a user who has plugd's packages, and two samples in two versions: `./kv-v1`, `./counter-v2` and so on. */
export class Workshop {
  readonly path = mkdtempSync(join(tmpdir(), 'plugd-docs-'));

  constructor() {
    symlinkSync(join(root, 'node_modules'), join(this.path, 'node_modules'), 'junction');
    copyFileSync(kvTs('1'), join(this.path, 'kv-v1'));
    copyFileSync(kvTs('2'), join(this.path, 'kv-v2'));
    copyFileSync(counterTs('1'), join(this.path, 'counter-v1'));
    copyFileSync(counterTs('2'), join(this.path, 'counter-v2'));
    // The strict settings of the project itself.
    this.write(
      'tsconfig.json',
      JSON.stringify({
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true, declaration: false, declarationMap: false },
        include: ['*.ts'],
      }),
    );
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text);
  }

  /** One program for all. Returns what the compiler complains of. */
  async typeErrors(): Promise<string> {
    const compiler = createRequire(join(root, 'package.json')).resolve('typescript/package.json');
    const { code, stdout } = await this.run(process.execPath, [
      join(compiler, '../bin/tsc'),
      '--pretty',
      'false',
      '-p',
      '.',
    ]);
    return code === 0 ? '' : stdout || 'the compiler failed without a word';
  }

  /** Makes `name.js` of each `name.ts`. */
  async bundle(names: readonly string[]): Promise<void> {
    await build({
      absWorkingDir: this.path,
      entryPoints: names.map((name) => `${name}.ts`),
      outdir: '.',
      bundle: true,
      packages: 'external',
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      sourcemap: 'inline',
      logLevel: 'silent',
    });
  }

  /** Runs a program in the workshop to its end, at most so long. */
  run(command: string, args: readonly string[], timeoutMs = 20_000): Promise<Outcome> {
    return new Promise((resolve) => {
      const options = { cwd: this.path, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
      execFile(command, args, options, (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
        resolve({ code, stdout, stderr: error?.killed ? `${stderr}\nended after ${timeoutMs} ms` : stderr });
      });
    });
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
