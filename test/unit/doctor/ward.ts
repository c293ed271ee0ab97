import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A directory with what is ill, for as long as a test file runs. */
export class Ward {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'plugd-ward-')));

  path(name: string): string {
    return join(this.directory, name);
  }

  put(name: string, text: string, mode = 0o755): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  /** A version of a plugin, run by a shell script. */
  artifact(place: string, script: string, more = ''): string {
    const [name = '', version = ''] = place.split('/').slice(-2);
    this.put(`${place}/${name}`, `#!/bin/sh\n${script}\n`);
    this.put(`${place}/plugin.yaml`, manifest(name, version, more), 0o644);
    return this.path(place);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function manifest(name: string, version: string, more = ''): string {
  return `name: ${name}\nversion: ${version}\ncommand: ${name}\nhandshake: { cookie: [KV_PLUGIN, hello], protocolVersions: [1, 2] }\n${more}`;
}

/** A program in which each such text is another one of the same length. */
export function patched(program: string, path: string, from: string, to: string): string {
  const bytes = Buffer.from(readFileSync(program));
  const end = '\0';
  let at = bytes.indexOf(from + end);
  if (at < 0 || from.length !== to.length) throw new Error(`${program} can't be patched`);
  for (; at >= 0; at = bytes.indexOf(from + end, at + 1)) bytes.write(to, at, 'latin1');
  writeFileSync(path, bytes);
  chmodSync(path, 0o755);
  return path;
}
