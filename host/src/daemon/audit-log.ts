import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import type { AuditRecord } from '../admin/admin-backend';
import { isStruct } from '../admin/struct';
import type { Redactor } from '../config/redactor';
import type { Logger } from '../events/logger';
import { withoutEnvironment } from './without-environment';

export interface AuditLogOptions {
  /** Private to the daemon. */
  readonly directory: string;
  readonly logger: Logger;
  readonly redactor: Redactor;
  /** Of one file. Default 10 MiB. */
  readonly maxBytes?: number;
  /** How many are kept, the one that is written among them. Default 5. */
  readonly maxFiles?: number;
}

const name = 'audit.jsonl';
const lineFeed = 0x0a;
/** Of one record's parameters: what is longer is left out but for the names. */
const longestParameters = 8 * 1024;
const longestText = 200;

/**
 * Who has changed what, and what came of it: a line of JSON each, in files that this user alone can read. A disk that takes nothing
 * costs records, and not the changes: to be able to stop a plugin is worth more.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  #file: number | undefined;
  #bytes = 0;
  #lost = 0;
  #closed = false;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#path = join(options.directory, name);
    this.#maxBytes = options.maxBytes ?? 10 * 1024 * 1024;
    this.#maxFiles = options.maxFiles ?? 5;
  }

  /** Written when it returns. Never throws. */
  write(record: AuditRecord): void {
    if (this.#closed) return;
    const line = Buffer.from(`${JSON.stringify(this.#lineOf(record))}\n`);
    try {
      this.#append(line);
    } catch (error) {
      this.#lost++;
      // Each one would say the same.
      if (this.#lost === 1)
        this.#options.logger.error('the record of changes can’t be written', { error: String(error) });
      this.#close();
      return;
    }
    if (this.#lost === 0) return;
    this.#options.logger.error('records of changes were lost', { records: this.#lost });
    this.#lost = 0;
  }

  close(): void {
    this.#closed = true;
    this.#close();
  }

  #append(line: Buffer): void {
    let file = this.#file ?? this.#open();
    if (this.#bytes > 0 && this.#bytes + line.length > this.#maxBytes) {
      this.#rotate();
      file = this.#open();
    }
    try {
      let written = 0;
      while (written < line.length) written += writeSync(file, line, written);
    } catch (error) {
      // The next record is not to stand behind a half one.
      ftruncateSync(file, this.#bytes);
      throw error;
    }
    this.#bytes += line.length;
  }

  #open(): number {
    const file = openSync(this.#path, 'a+', 0o600);
    this.#file = file;
    this.#bytes = fstatSync(file).size;
    // A daemon that was killed, or whose machine was, may have left a half record. It stays, on a line of its own.
    if (this.#bytes > 0 && lastByte(file, this.#bytes) !== lineFeed) this.#bytes += writeSync(file, '\n');
    return file;
  }

  #rotate(): void {
    this.#close();
    rmSync(this.#numbered(this.#maxFiles - 1), { force: true });
    for (let number = this.#maxFiles - 2; number >= 0; number--) {
      const path = this.#numbered(number);
      if (existsSync(path)) renameSync(path, this.#numbered(number + 1));
    }
  }

  #numbered(number: number): string {
    return number === 0 ? this.#path : `${this.#path}.${number}`;
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #lineOf({ client, verb, plugin, parameters, outcome, operation }: AuditRecord): JsonObject {
    const { redactor } = this.#options;
    const cut = (text: string) => redactor.redact(text).slice(0, longestText);
    const who =
      client === undefined || typeof client === 'string'
        ? (client ?? null)
        : { program: cut(client.program), user: cut(client.user), pid: client.pid };
    return {
      time: new Date().toISOString(),
      client: who,
      verb: cut(verb),
      plugin: plugin === undefined ? null : cut(plugin),
      parameters: shortened(redactor.redactDocument(withoutEnvironment(parameters))),
      outcome,
      ...(operation === undefined ? {} : { operation }),
    };
  }
}

function lastByte(file: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, size - 1);
  return byte[0];
}

function shortened(value: JsonValue): JsonValue {
  if (JSON.stringify(value).length <= longestParameters) return value;
  return { leftOut: isStruct(value) ? Object.keys(value).slice(0, 50) : true };
}
