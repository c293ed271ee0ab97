import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A directory of plugins and a place for copies, for as long as a test file runs. */
export class Workbench {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'plugd-artifacts-')));
  readonly plugins = this.directory('plugins');
  readonly copies = this.directory('copies');

  directory(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Writes files below `plugins/<place>`, each the text given, executable where its name has no dot. */
  put(place: string, files: Readonly<Record<string, string>>): string {
    const directory = join(this.plugins, place);
    mkdirSync(directory, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const path = join(directory, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      chmodSync(path, name.includes('.') ? 0o644 : 0o755);
    }
    return directory;
  }

  /** A whole artifact with sums. */
  artifact(
    name: string,
    version: string,
    files: Readonly<Record<string, string>> = { kv: 'program' },
  ): string {
    const sums = Object.entries(files).map(([path, text]) => `  ${JSON.stringify(path)}: ${sum(text)}\n`);
    const text = `${manifest(name, version)}files:\n${sums.join('')}`;
    return this.put(`${name}/${version}`, { ...files, 'plugin.yaml': text });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export const sum = (text: string): string => createHash('sha256').update(text).digest('hex');

export function manifest(name: string, version: string, more = ''): string {
  return `name: ${name}\nversion: ${version}\ncommand: kv\nhandshake: { cookie: [KV_PLUGIN, hello], protocolVersions: [1] }\n${more}`;
}
