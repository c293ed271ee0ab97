import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plugin } from '@plugd/host';
import { servingPid } from '../support/host-room';
import { kvTs } from '../support/samples';

/** What is put there of a version. */
export interface Book {
  /** Makes the content another one. */
  readonly tag?: string;
  /** More lines of the manifest. */
  readonly manifest?: string;
  /** `half`: what would leave its mark if it ever ran; `bad`: ends before its handshake. */
  readonly kind?: 'good' | 'half' | 'bad';
}

/** A directory of plugins, all of which are the sample kv. */
export class Shelf {
  readonly directory = mkdtempSync(join(tmpdir(), 'shelf-'));
  #mark = '';

  /** Processes of what is put there from now on are found by it. */
  set mark(mark: string) {
    this.#mark = mark;
  }

  /** Where a half-written version tells that it ran. */
  get halfRan(): string {
    return join(this.directory, '.half-ran');
  }

  place(name: string, version: string): string {
    return join(this.directory, name, version);
  }

  /** Under a name that isn't looked at, then renamed. */
  put(name: string, version: string, book: Book = {}): void {
    const hidden = join(this.directory, name, `.${version}`);
    rmSync(hidden, { recursive: true, force: true });
    mkdirSync(hidden, { recursive: true });
    this.#write(hidden, name, version, book);
    this.remove(name, version);
    renameSync(hidden, this.place(name, version));
  }

  /** Over what is there, file by file, the manifest last. */
  overwrite(name: string, version: string, book: Book = {}): void {
    const place = this.place(name, version);
    mkdirSync(place, { recursive: true });
    this.#write(place, name, version, book);
  }

  remove(name: string, version?: string): void {
    rmSync(version === undefined ? join(this.directory, name) : this.place(name, version), {
      recursive: true,
      force: true,
    });
  }

  /** A tag of the copy that a plugin's process runs in. */
  tagOf(plugin: Plugin): string {
    return readFileSync(join(readlinkSync(`/proc/${servingPid(plugin)}/cwd`), 'tag.txt'), 'utf8');
  }

  #write(
    place: string,
    name: string,
    version: string,
    { tag = '', manifest = '', kind = 'good' }: Book,
  ): void {
    const programs = {
      // It says which version it is, and is refused as another one.
      good: () => readFileSync(kvTs('1'), 'utf8').replaceAll('"1.0.0"', JSON.stringify(version)),
      half: () =>
        `#!/usr/bin/env node\nrequire('node:fs').writeFileSync(${JSON.stringify(this.halfRan)}, __dirname);\n`,
      bad: () => '#!/usr/bin/env node\nprocess.exit(3);\n',
    };
    writeFileSync(join(place, 'kv'), programs[kind](), { mode: 0o755 });
    writeFileSync(join(place, 'tag.txt'), tag);
    // With sums that are those of other files a half-written version is known for what it is.
    const sums = kind === 'half' ? `files: { kv: '${'0'.repeat(64)}', tag.txt: '${'0'.repeat(64)}' }\n` : '';
    writeFileSync(
      join(place, 'plugin.yaml'),
      `name: ${name}
version: ${version}
command: kv
handshake: { cookie: [KV_PLUGIN, hello], protocolVersions: [1, 2] }
env: { ROOM_MARK: '${this.#mark}' }
${sums}${manifest}`,
    );
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
