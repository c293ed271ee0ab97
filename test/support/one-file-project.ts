import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const repository = resolve(__dirname, '../..');
export const plugdSdk = join(repository, 'sdk/bin/plugd-sdk.js');

export interface Built {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BuiltFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** A plugin's project in a directory of its own, with the packages of this repository. */
export class OneFileProject {
  readonly path = mkdtempSync(join(tmpdir(), 'one-file-'));

  /** @param type of the project's package, which decides what Node takes a file without an extension for */
  constructor(type: 'module' | 'commonjs' = 'module') {
    cpSync(join(__dirname, 'one-file-plugin'), join(this.path, 'src'), { recursive: true });
    this.write('package.json', JSON.stringify({ name: '@tests/one-file', type }));
    symlinkSync(join(repository, 'node_modules'), join(this.path, 'node_modules'));
  }

  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  write(name: string, text: string): void {
    writeFileSync(this.at(name), text);
  }

  /** Place of a text in a source, as a stack trace has it. */
  placeOf(source: string, text: string): string {
    const [before = ''] = readFileSync(this.at(source), 'utf8').split(text);
    const lines = before.split('\n');
    return `${source}:${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
  }

  /** Runs plugd-sdk in the project. */
  run(args: readonly string[], program = [process.execPath, plugdSdk]): Promise<Built> {
    return new Promise((resolve, reject) => {
      const [file = '', ...first] = program;
      const child = spawn(file, [...first, ...args], { cwd: this.path, stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Builds the plugin; the files as the command tells them, the plugin first. */
  async build(...args: string[]): Promise<[BuiltFile, ...BuiltFile[]]> {
    const defined = args.some((one) => one.startsWith('PLUGIN_VERSION='))
      ? []
      : ['--define', 'PLUGIN_VERSION=1.0.0'];
    const { code, stdout, stderr } = await this.run(['build', 'src/main.ts', ...defined, ...args]);
    const files = [...stdout.matchAll(/^(\S.*)\n {2}size {4}(\d+)\n {2}sha256 {2}([0-9a-f]{64})\n/gm)].map(
      ([, path = '', size, sha256 = '']) => ({ path: resolve(this.path, path), size: Number(size), sha256 }),
    );
    const [plugin, ...more] = files;
    if (code !== 0 || plugin === undefined) throw new Error(`exit code ${code}: ${stdout}${stderr}`);
    return [plugin, ...more];
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
