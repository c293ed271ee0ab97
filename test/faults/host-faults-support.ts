import { existsSync } from 'node:fs';
import { type LoadOptions, type Plugin, PluginError } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { HostRoom } from '../support/host-room';
import { eventually, isRunning, processesWith } from '../support/processes';
import { chaosTs, kvTs } from '../support/samples';

/** Longer than any answer of a good plugin takes, on any machine: a call that needs more has noticed something. */
const NEIGHBOUR_PATIENCE_MS = 10_000;
/** For a start that fails without waiting for its time to be over. */
const SOON_MS = 10_000;
/** What ending a process and everything of it may take beyond the limit of what failed. */
const END_MS = 5_000;

let faults = 0;

export type Over = Partial<LoadOptions> & { readonly chaos?: string };

/** A host with a good plugin at work in it, into which bad ones are loaded. */
export class FaultRoom {
  readonly room: HostRoom;
  readonly neighbour: Neighbour;
  readonly #filesBefore: readonly string[];

  private constructor(room: HostRoom, neighbour: Neighbour) {
    this.room = room;
    this.neighbour = neighbour;
    this.#filesBefore = room.files();
  }

  static async open(): Promise<FaultRoom> {
    const room = await HostRoom.open();
    try {
      return new FaultRoom(room, new Neighbour(await room.load(kvTs('1'), { name: 'neighbour' })));
    } catch (error) {
      await room.close();
      throw error;
    }
  }

  /** Options for a plugin that does what `mode` says, and a mark that only its processes carry. */
  options(mode: string, over: Over = {}): { options: LoadOptions; mark: string } {
    const mark = `${this.room.mark}-${++faults}`;
    const { env, ...rest } = over;
    const options = this.room.kv(chaosTs(), {
      name: `fault-${faults}`,
      // What a host does by itself about a crash is tested with supervision.
      restart: { policy: 'never' },
      ...rest,
      env: { CHAOS: mode, FAULT_MARK: mark, ...env },
    });
    return { options, mark };
  }

  async load(mode: string, over: Over = {}): Promise<Loaded> {
    const { options, mark } = this.options(mode, over);
    const plugin = await this.room.host.load(options);
    const [instance] = plugin.status().instances;
    if (instance === undefined) throw new Error('a loaded plugin has an instance');
    return { plugin, mark, pid: instance.pid, address: instance.address };
  }

  /** The one error of a load that has to fail, in time; nothing of it may be left. */
  async failure(mode: string, over: Over = {}): Promise<PluginError> {
    const { options, mark } = this.options(mode, over);
    const limitMs = over.startTimeoutMs === undefined ? SOON_MS : over.startTimeoutMs + END_MS;
    const begun = performance.now();
    const error = await this.room.host.load(options).then(
      () => new Error('the load did not fail'),
      (thrown: unknown) => thrown,
    );
    const took = performance.now() - begun;
    if (!(error instanceof PluginError)) throw error;
    expect(took).toBeLessThan(limitMs);
    expect(processesWith(mark)).toEqual([]);
    expect(this.room.host.plugin(options.name)).toBeUndefined();
    // It is told once, too.
    const told = this.room.events.filter(({ plugin }) => plugin === options.name);
    expect(told.filter((event) => event.type === 'instance' && event.to === 'failed').length).toBe(
      told.some(({ type }) => type === 'instance') ? 1 : 0,
    );
    for (const { cause } of told) if (cause.code !== undefined) expect(cause.code).toBe(error.code);
    return error;
  }

  /** What lies in the run directory besides the neighbour's. */
  leftFiles(): string[] {
    return this.room.files().filter((file) => !this.#filesBefore.includes(file));
  }

  expectGone({ mark, address }: Loaded): void {
    expect(processesWith(mark)).toEqual([]);
    expect(existsSync(address)).toBe(false);
    expect(this.leftFiles()).toEqual([]);
  }

  /** Checks that the neighbour noticed nothing, and that nothing is left at all. */
  async close(): Promise<void> {
    await this.neighbour.expectUnharmed();
    const failures = this.room.log.records.filter(
      ({ level, message }) => level !== 'debug' && message.includes('could not be'),
    );
    await this.room.close();
    expect(failures).toEqual([]);
  }
}

export interface Loaded {
  readonly plugin: Plugin;
  readonly mark: string;
  readonly pid: number;
  readonly address: string;
}

/** A good plugin, called all the time. */
export class Neighbour {
  readonly plugin: Plugin;
  readonly #pid: number | undefined;
  readonly #failed: unknown[] = [];
  readonly #looping: Promise<void>;
  #answered = 0;
  #over = false;

  constructor(plugin: Plugin) {
    this.plugin = plugin;
    this.#pid = plugin.status().instances[0]?.pid;
    this.#looping = this.#loop();
  }

  async #loop(): Promise<void> {
    const kv = this.plugin.client(KvDefinition);
    while (!this.#over) {
      try {
        const { pid } = await kv.get({ key: 'k' }, { timeoutMs: NEIGHBOUR_PATIENCE_MS });
        expect(pid).toBe(this.#pid);
        this.#answered++;
      } catch (error) {
        this.#failed.push(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Resolves when calls that begin now have been answered. */
  async answers(): Promise<void> {
    const before = this.#answered;
    await eventually(
      () => this.#answered >= before + 3,
      2 * NEIGHBOUR_PATIENCE_MS,
      'the neighbour answers calls',
    );
  }

  async expectUnharmed(): Promise<void> {
    await this.answers();
    this.#over = true;
    await this.#looping;
    expect(this.#failed).toEqual([]);
    expect(this.plugin.status().state).toBe('serving');
    expect(isRunning(this.#pid ?? 0)).toBe(true);
  }
}
