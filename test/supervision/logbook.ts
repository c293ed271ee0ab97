import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LoadOptions, Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { bundleProgram } from '../support/bundle';
import type { HostRoom } from '../support/host-room';

export interface Execution {
  readonly pid: number;
  readonly method: string;
  readonly key: string;
}

/** The plugin that writes down what it executes, and its book: one for a test file. */
export class Logbook {
  readonly #program = bundleProgram(resolve(__dirname, 'logbook-plugin.ts'));
  readonly #book = join(this.#program.directory, 'book');
  readonly #gate = join(this.#program.directory, 'gate');

  /** Loads the plugin, with an empty book. */
  load(room: HostRoom, over: Partial<LoadOptions> = {}): Promise<Plugin> {
    writeFileSync(this.#book, '');
    this.openGate();
    return room.load(this.#program.file, {
      env: { LOGBOOK: this.#book, LOGBOOK_GATE: this.#gate },
      contract: [KvDefinition, CounterDefinition],
      ...over,
    });
  }

  /** Every execution so far, by all processes. */
  get executions(): Execution[] {
    return readFileSync(this.#book, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [pid = '', method = '', key = ''] = line.split(' ');
        return { pid: Number(pid), method, key };
      });
  }

  /** The processes that executed a key, in order. */
  pidsOf(key: string): number[] {
    return this.executions.filter((one) => one.key === key).map(({ pid }) => pid);
  }

  /** From now on a process of the plugin does not come up before {@link openGate}. */
  shutGate(): void {
    writeFileSync(this.#gate, '');
  }

  openGate(): void {
    rmSync(this.#gate, { force: true });
  }

  dispose(): void {
    rmSync(this.#program.directory, { recursive: true, force: true });
  }
}
