import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Host, type LoadOptions, type Plugin, PluginError } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { processesWithInTurns } from '../../support/processes';
import { Book } from './book';
import { callOnce } from './callers';
import { shiftClock } from './clock';
import { fillDisk, freeDisk } from './disk';
import type { Act, CallKind, End, Fault } from './fault';
import type { OutputMeter } from './output-meter';

const DEFAULT_LIMIT_MS = 20_000;
const CALL_MS = 10_000;
/** Long enough for health checks to find out that something is wrong. */
const UNCHANGED_MS = 2_000;
/** An end has to stay one. */
const STAYS_MS = 300;

interface Place {
  readonly runDir: string;
  readonly mark: string;
  /** What is to stand in CHAOS for a process to do this, in the mode of this row. */
  chaosOf(chaos: string | undefined): string;
}

/** What has become of it. */
export interface Outcome {
  readonly end: End | 'neither';
  readonly code: string | undefined;
  readonly restartedFor: readonly string[];
  readonly vain: readonly string[];
}

/** The plugin to which a row of the table happens. */
export class Victim {
  /** The calls of the row. */
  readonly book = new Book();
  readonly #calls: Promise<void>[] = [];
  #plugin: Plugin | undefined;
  #pid: number | undefined;
  #code: string | undefined;
  #answered = 0;
  readonly #restartedFor: string[] = [];
  readonly #vain: string[] = [];

  constructor(
    readonly host: Host,
    readonly options: LoadOptions,
    readonly meter: OutputMeter,
    readonly place: Place,
  ) {
    host.on('event', (event) => {
      if (event.type === 'plugin' && event.plugin === options.name && event.to === 'failed')
        this.#code = event.cause.code;
      if (event.type === 'restart' && event.plugin === options.name && event.phase === 'scheduled')
        this.#restartedFor.push(event.cause.reason);
    });
  }

  get plugin(): Plugin {
    if (this.#plugin === undefined) throw new Error('the victim is not loaded');
    return this.#plugin;
  }

  get #servingPid(): number | undefined {
    return this.#plugin?.status().instances.find(({ state }) => state === 'serving')?.pid;
  }

  async load(): Promise<void> {
    this.#plugin = await this.host.load(this.options);
    this.#pid = this.#servingPid;
    // It has been called once before anything happens: every later call finds a connection at work.
    await callOnce(this.plugin, 'get', { timeoutMs: 1_000 });
  }

  /** All acts, then a wait until the end is there that the row expects, or the limit. */
  async suffer({ acts, end, orEnd = end, limitMs = DEFAULT_LIMIT_MS }: Fault): Promise<Outcome> {
    const deadline = performance.now() + limitMs;
    for (const act of acts) await this.#do(act, deadline);
    if (end === 'unchanged') {
      await this.callsEnded();
      await sleep(UNCHANGED_MS);
    }
    let seen = await this.#end();
    while (seen !== end && seen !== orEnd && performance.now() < deadline) {
      await sleep(20);
      seen = await this.#end();
    }
    await sleep(STAYS_MS);
    if (seen === end || seen === orEnd) seen = await this.#end();
    return { end: seen, code: this.#code, restartedFor: this.#restartedFor, vain: this.#vain };
  }

  /** The calls of the row have ended. */
  async callsEnded(): Promise<void> {
    await Promise.all(this.#calls);
  }

  async #do(act: Act, deadline: number): Promise<void> {
    const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
      while (!(await holds())) {
        if (performance.now() > deadline) {
          this.#vain.push(act.act);
          return;
        }
        // Looking through all processes takes some milliseconds of the loop's time.
        await sleep(act.act === 'await processes' ? 300 : 10);
      }
    };
    switch (act.act) {
      case 'load':
        await this.load().catch((error: unknown) => {
          if (!(error instanceof PluginError)) throw error;
          this.#code = error.code;
        });
        return;
      case 'tell': {
        const value = Buffer.from(act.chaos);
        await this.plugin.client(KvDefinition).put({ key: 'chaos', value }, { timeoutMs: CALL_MS });
        // It does so a moment after its answer.
        await sleep(40);
        return;
      }
      case 'call':
        for (let i = 0; i < (act.count ?? 1); i++) {
          this.#call(act.kind, act.timeoutMs ?? CALL_MS);
          // Whoever makes so many calls at once stops the loop himself.
          if (i % 5 === 4) await sleep(1);
        }
        return;
      case 'signal':
        if (this.#pid !== undefined) process.kill(this.#pid, act.signal);
        return;
      case 'stop':
        await this.plugin.stop();
        return;
      case 'upgrade': {
        const env = { ...this.options.env, CHAOS_VERSION: '2.0.0', CHAOS: this.place.chaosOf(act.chaos) };
        await this.plugin.upgrade({ version: '2.0.0', env }).then(undefined, (error: unknown) => {
          if (!(error instanceof PluginError)) throw error;
          this.#code = error.code;
        });
        return;
      }
      case 'remove':
        this.#remove(act.what);
        return;
      case 'shift clock':
        shiftClock(act.byMs);
        return;
      case 'fill disk':
        fillDisk(this.place.runDir);
        return;
      case 'free disk':
        freeDisk(this.place.runDir);
        return;
      case 'await output':
        return until(() => this.meter.bytes >= act.megabytes * 1024 * 1024);
      case 'await processes':
        return until(async () => {
          const count = (await processesWithInTurns(`FAULT_MARK=${this.place.mark}`)).length;
          return act.most ? count <= act.count : count >= act.count;
        });
      case 'await calls':
        return until(() => (this.plugin.status().instances[0]?.inFlight ?? 0) >= act.count);
      case 'await answers':
        return until(() => this.#answered >= act.count);
      case 'await state':
        return until(() => this.#plugin?.status().state === act.state);
      case 'wait':
        await sleep(act.ms);
    }
  }

  #call(kind: CallKind, timeoutMs: number): void {
    const end = this.book.begin();
    const onAnswer = (): void => void this.#answered++;
    this.#calls.push(callOnce(this.plugin, kind, { timeoutMs, onAnswer }).then(end));
  }

  #remove(what: 'socket' | 'instance directory' | 'run directory'): void {
    const address = this.plugin.status().instances[0]?.address ?? '';
    const { runDir } = this.place;
    if (what === 'socket') rmSync(address);
    else if (what === 'instance directory') rmSync(dirname(address), { recursive: true });
    else for (const name of readdirSync(runDir)) rmSync(join(runDir, name), { recursive: true });
  }

  /** What it is good for now; where another process is to serve, that has to say so itself. */
  async #end(): Promise<End | 'neither'> {
    const plugin = this.#plugin;
    if (plugin === undefined) return 'refused';
    const { state, generation } = plugin.status();
    if (state === 'failed' || state === 'stopped') return state;
    if (state !== 'serving') return 'neither';
    if (this.#servingPid === this.#pid) return 'unchanged';
    const answer = await plugin
      .client(KvDefinition)
      .get({ key: 'k' }, { timeoutMs: 1_000 })
      .catch(() => undefined);
    if (answer === undefined) return 'neither';
    if (generation > 1) return 'upgraded';
    return 'restarted';
  }
}
