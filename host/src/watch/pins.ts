import { readFile, rename, writeFile } from 'node:fs/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { valid } from 'semver';
import { isSystemError } from '../artifact/system-error';
import { isRecord } from '../instance/option-check';

/** Which plugins are held at which version; with a file it outlives the host. */
export class Pins {
  readonly #path: string | undefined;
  #versions: ReadonlyMap<string, string>;
  /** One after the other: each renames the same file. */
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string | undefined, versions: ReadonlyMap<string, string>) {
    this.#path = path;
    this.#versions = versions;
  }

  /** Throws PluginError STATE_DIR_UNUSABLE: without its pins a host would upgrade what is to be held. */
  static async open(path: string | undefined): Promise<Pins> {
    return new Pins(path, path === undefined ? new Map() : await readPins(path));
  }

  get versions(): ReadonlyMap<string, string> {
    return this.#versions;
  }

  /** Undefined takes the pin away. Holds once it is written down. Throws PluginError STATE_DIR_UNUSABLE. */
  set(name: string, version: string | undefined): Promise<void> {
    const done = this.#written.then(async () => {
      const versions = new Map(this.#versions);
      if (version === undefined) versions.delete(name);
      else versions.set(name, version);
      await this.#write(versions);
      this.#versions = versions;
    });
    this.#written = done.catch(() => {});
    return done;
  }

  async #write(versions: ReadonlyMap<string, string>): Promise<void> {
    const path = this.#path;
    if (path === undefined) return;
    try {
      const text = `${JSON.stringify({ pins: Object.fromEntries(versions) }, undefined, 2)}\n`;
      await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
    } catch (cause) {
      throw unusable(path, 'it could not be written', cause);
    }
  }
}

async function readPins(path: string): Promise<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isSystemError(cause, 'ENOENT')) return new Map();
    throw unusable(path, 'it could not be read', cause);
  }
  const pins = pinsIn(text);
  if (pins === undefined) throw unusable(path, 'it does not hold the pins of plugins');
  return pins;
}

function pinsIn(text: string): ReadonlyMap<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !isRecord(value['pins'])) return undefined;
  const pins = new Map<string, string>();
  for (const [name, version] of Object.entries(value['pins'])) {
    if (typeof version !== 'string' || valid(version) === null) return undefined;
    pins.set(name, version);
  }
  return pins;
}

function unusable(path: string, why: string, cause?: unknown): PluginError {
  return new PluginError('STATE_DIR_UNUSABLE', `${path} can't be used: ${why}.`, {
    facts: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
