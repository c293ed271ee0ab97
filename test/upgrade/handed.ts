import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LoadOptions, Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { bundleProgram } from '../support/bundle';
import { CounterLedger } from '../support/counter-ledger';
import { counterOptions } from '../support/counter-room';
import type { HostRoom } from '../support/host-room';
import type { HandedOrder, Misdeeds } from './handed-plugin';

/** The counter whose part in a handoff can go wrong: one for a test file. */
export class Handed {
  readonly #program = bundleProgram(resolve(__dirname, 'handed-plugin.ts'));
  readonly #misdeeds = join(this.#program.directory, 'misdeeds.json');

  /** From now on the versions do so. */
  tell(misdeeds: Misdeeds): void {
    // At once: a version may be reading what it was told before.
    const next = `${this.#misdeeds}.next`;
    writeFileSync(next, JSON.stringify(misdeeds));
    renameSync(next, this.#misdeeds);
  }

  /** What makes a version of it of any operation's options. */
  options(room: Pick<HostRoom, 'mark'>, order: HandedOrder = {}) {
    const { version = '1.0.0' } = order;
    return {
      version,
      command: this.#program.file,
      env: {
        ROOM_MARK: room.mark,
        HANDED: JSON.stringify({ ...order, version }),
        HANDED_MISDEEDS: this.#misdeeds,
      },
    };
  }

  load(room: HostRoom, order: HandedOrder = {}, over: Partial<LoadOptions> = {}): Promise<Plugin> {
    this.tell({});
    const { command, ...options } = this.options(room, order);
    return room.load(command, { ...counterOptions, ...options, ...over });
  }

  dispose(): void {
    rmSync(this.#program.directory, { recursive: true, force: true });
  }
}

/** Every day the callers leave the machine time for the handoffs. */
const restMs = process.env['PLUGD_FULL'] === '1' ? 2 : 8;

/** Callers of a counter, each of which makes one call at a time until all are told to end; and the book of their calls. */
export class Callers {
  readonly ledger = new CounterLedger();
  readonly #plugin: Plugin;
  readonly #keys: number;
  readonly #loops: Promise<void>[];
  #era = 0;
  #ending = false;

  constructor(plugin: Plugin, { callers = 6, keys = 3, key = 'k' } = {}) {
    this.#plugin = plugin;
    this.#keys = keys;
    this.#loops = Array.from({ length: callers }, (_, caller) => this.#loop(caller, key));
  }

  /** From now on they count by other keys: what was lost of the ones before is no concern of these. */
  turnThePage(): void {
    this.#era++;
  }

  /** Resolves when so many more calls have ended well. */
  async more(calls = 20, limitMs = 15_000): Promise<void> {
    const due = performance.now() + limitMs;
    const good = () => this.ledger.entries.length - this.ledger.errors.length;
    const enough = good() + calls;
    while (good() < enough) {
      if (performance.now() > due) {
        const last = this.ledger.errors.at(-1);
        throw new Error(`no ${calls} good calls within ${limitMs} ms; the last error: ${String(last)}`);
      }
      await new Promise((next) => setTimeout(next, 5));
    }
  }

  /** Resolves when each has ended its last call, and every key has been read once more. */
  async end(): Promise<CounterLedger> {
    this.#ending = true;
    await Promise.all(this.#loops);
    for (const key of new Set(this.ledger.entries.map((entry) => entry.key))) {
      if (this.#era === 0 || key.startsWith(`${this.#era}.`)) await this.#get(-1, key);
    }
    return this.ledger;
  }

  async #loop(caller: number, prefix: string): Promise<void> {
    // A test that has failed leaves them alone, with a plugin that is stopped.
    for (let i = caller; !this.#ending && this.#plugin.status().state !== 'stopped'; i++) {
      const key = `${this.#era}.${prefix}${i % this.#keys}`;
      if (i % 4 === 0) await this.#get(caller, key);
      else await this.ledger.add(caller, key, 1 + (i % 5), () => this.#add(key, 1 + (i % 5)));
      await new Promise((next) => setTimeout(next, restMs));
    }
  }

  async #add(key: string, value: number): Promise<number> {
    const answer = await this.#plugin.client(CounterDefinition).put({ key, value, helper: 0 }, limits);
    return answer.value;
  }

  #get(caller: number, key: string): Promise<number | undefined> {
    return this.ledger.get(caller, key, async () => {
      return (await this.#plugin.client(CounterDefinition).get({ key }, limits)).value;
    });
  }
}

/** Longer than any limit of the host's: a call that needs this long hangs. */
const limits = { timeoutMs: 20_000 };
