import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { HostOptions } from '@plugd/host';
import type { JournaledOperation, UnfinishedOperation } from '../../host/src/journal/journal';
import { OperationJournal } from '../../host/src/journal/operation-journal';
import { SnapshotStore } from '../../host/src/state/snapshot-store';
import { bundleProgram } from '../support/bundle';
import { HostRoom } from '../support/host-room';
import { processesWith } from '../support/processes';
import { Handed } from './handed';
import type { KilledOrder } from './host-killed-program';

/** Hosts that are killed and leave their state directory to a host of the test. One for a test file. */
export class KilledHosts {
  readonly #program = bundleProgram(resolve(__dirname, 'host-killed-program.ts'));
  readonly #directories: string[] = [];

  /** A state directory, and what has been done with it. */
  place(): KilledPlace {
    const directory = mkdtempSync(join(tmpdir(), 'killed-'));
    this.#directories.push(directory);
    return new KilledPlace(directory, this.#program.file);
  }

  dispose(): void {
    for (const directory of [this.#program.directory, ...this.#directories]) {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/** What a test of killed hosts has for itself: a place, plugins that are told by it alone, and the host that goes on. */
export class KilledLife {
  readonly handed = new Handed();
  room: HostRoom | undefined;

  constructor(readonly place: KilledPlace) {}

  /** The host of the application that is started anew, if it has not been. */
  async open(options: HostOptions = {}): Promise<HostRoom> {
    this.room ??= await this.place.open(options);
    return this.room;
  }

  async close(): Promise<void> {
    try {
      await this.room?.close();
    } finally {
      this.handed.dispose();
    }
  }
}

export class KilledPlace {
  readonly stateDir: string;
  /** In it: what `keptStates` reads also while a host goes on. */
  readonly snapshotsDir: string;
  /** In the environment of whatever the killed hosts have started. */
  readonly mark = `killed-${randomBytes(8).toString('hex')}`;

  constructor(
    readonly directory: string,
    readonly program: string,
  ) {
    this.stateDir = join(directory, 'state');
    this.snapshotsDir = join(this.stateDir, 'snapshots');
  }

  /** Runs a host until it has killed itself. */
  async kill(order: Omit<KilledOrder, 'runDir' | 'stateDir'>): Promise<void> {
    const { stateDir, directory: runDir } = this;
    const load = { ...order.load, env: { ...order.load.env, ROOM_MARK: this.mark } };
    const child = spawn(
      process.execPath,
      [this.program, JSON.stringify({ ...order, load, runDir, stateDir })],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, ROOM_MARK: this.mark },
      },
    );
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const limit = setTimeout(() => child.kill('SIGTERM'), 30_000);
    const [code, signal] = await new Promise<[number | null, string | null]>((found, reject) => {
      child.once('error', reject);
      child.once('exit', (...how) => found(how));
    });
    clearTimeout(limit);
    if (signal !== 'SIGKILL') throw new Error(`the host ended with ${code ?? signal}: ${stderr}`);
  }

  /** What of the killed hosts' processes and directories is there. */
  left(): (number | string)[] {
    const directories = readdirSync(this.directory).filter((name) => name !== 'state');
    return [...processesWith(`ROOM_MARK=${this.mark}`), ...directories];
  }

  /** The host of the application that is started anew. */
  open(options: HostOptions = {}): Promise<HostRoom> {
    return HostRoom.open({ ...options, stateDir: this.stateDir });
  }

  /** What stands in the journal now. Reads a copy: what it finds is left as it is. */
  journal(): Promise<{
    readonly operations: readonly JournaledOperation[];
    readonly unfinished: readonly UnfinishedOperation[];
  }> {
    return this.#copy('journal', async (directory) => {
      const journal = await OperationJournal.open({ directory });
      try {
        return { operations: await journal.operations(), unfinished: await journal.unfinished() };
      } finally {
        await journal.close();
      }
    });
  }

  /** How many kept states there are; throws if one of them can't be read. For a host that keeps none meanwhile. */
  snapshots(): Promise<number> {
    return this.#copy('snapshots', async (directory) => {
      const store = await SnapshotStore.open({ directory });
      try {
        expect(store.problems).toEqual([]);
        for (const { id } of store.list()) await store.open(id);
        return store.list().length;
      } finally {
        store.close();
      }
    });
  }

  async #copy<T>(room: string, read: (directory: string) => Promise<T>): Promise<T> {
    const copies = mkdtempSync(join(tmpdir(), 'killed-copy-'));
    try {
      const from = join(this.stateDir, room);
      const to = join(copies, room);
      if (existsSync(from)) cpSync(from, to, { recursive: true });
      return await read(to);
    } finally {
      rmSync(copies, { recursive: true, force: true });
    }
  }
}
