import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { goIsHere } from '../support/needs-go';
import { counterTs, kvGo, kvTs } from '../support/samples';
import { root } from './markdown';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Every program reads plugd's packages as they lie there; every day, when that is most of its work, from one file. */
const full = process.env['PLUGD_FULL'] === '1';
const PACKAGES = 'packages.cjs';
const ours = /^@plugd\/(host|sdk|protocol)(\/|$)/;
/** They are looked for where the host runs. */
const notInOneFile = ['classic-level', '@grpc/proto-loader', 'esbuild', 'postject'];

/** A directory of a user who has plugd's packages, and two samples in two versions: `./kv-v1`, `./counter-v2` and so on. */
export class Workshop {
  readonly path = mkdtempSync(join(tmpdir(), 'plugd-docs-'));
  /** The same samples, in TypeScript always. */
  readonly inTypeScript = join(this.path, 'in-typescript');

  constructor() {
    symlinkSync(join(root, 'node_modules'), join(this.path, 'node_modules'), 'junction');
    // It is the same plugin: every day the one that starts soonest.
    const kv = goIsHere && !full ? kvGo : kvTs;
    mkdirSync(this.inTypeScript);
    for (const version of ['1', '2'] as const) {
      copyFileSync(kv(version), join(this.path, `kv-v${version}`));
      copyFileSync(kvTs(version), join(this.inTypeScript, `kv-v${version}`));
    }
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
    const imported = new Set<string>();
    const fromOneFile: Plugin = {
      name: 'from one file',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: ours }, ({ path, kind }) => {
          if (kind === 'require-resolve') return { path, external: true };
          imported.add(path);
          return { path, namespace: 'ours' };
        });
        onResolve({ filter: /^\.\/packages\.cjs$/ }, ({ path }) => ({ path, external: true }));
        onLoad({ filter: /.*/, namespace: 'ours' }, ({ path }) => ({
          contents: `module.exports = require('./${PACKAGES}')[${JSON.stringify(path)}];`,
        }));
      },
    };
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
      plugins: full ? [] : [fromOneFile],
    });
    if (full) return;
    const getters = [...imported]
      .map((one) => JSON.stringify(one))
      .map((one) => `get ${one}() { return require(${one}) }`);
    await build({
      absWorkingDir: this.path,
      stdin: { contents: `module.exports = { ${getters.join(',\n')} };`, resolveDir: this.path },
      outfile: PACKAGES,
      bundle: true,
      external: notInOneFile,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      logLevel: 'silent',
    });
  }

  /** Runs a program in the workshop to its end, at most so long. */
  run(
    command: string,
    args: readonly string[],
    { timeoutMs = 20_000, cwd = this.path } = {},
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const options = { cwd, timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
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
