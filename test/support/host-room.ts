import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createHost,
  type Host,
  type HostEvent,
  type HostOptions,
  type LoadOptions,
  type OperationHandle,
  type Plugin,
  PluginError,
} from '@plugd/host';
import { Ledger } from './ledger';
import { eventually, isRunning, processesWith } from './processes';
import { RecordingLogger } from './recording-logger';

/** A host with a directory of its own, and a mark by which a test finds whatever is left of its plugins. */
export class HostRoom {
  readonly mark = `host-room-${randomBytes(8).toString('hex')}`;
  readonly events: HostEvent[] = [];

  private constructor(
    readonly host: Host,
    readonly runDir: string,
    readonly log: RecordingLogger,
  ) {
    host.on('event', (event) => this.events.push(event));
  }

  static async open(over: Omit<HostOptions, 'runDir' | 'logger'> = {}): Promise<HostRoom> {
    const runDir = mkdtempSync(join(tmpdir(), 'room-'));
    const log = new RecordingLogger();
    return new HostRoom(await createHost({ ...over, runDir, logger: log }), runDir, log);
  }

  /** Options for one of the samples. */
  kv(command: string, over: Partial<LoadOptions> = {}): LoadOptions {
    return {
      name: 'kv',
      version: '1.0.0',
      command,
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
      startTimeoutMs: 20_000,
      ...over,
      env: { ROOM_MARK: this.mark, ...over.env },
    };
  }

  load(command: string, over: Partial<LoadOptions> = {}): Promise<Plugin> {
    return this.host.load(this.kv(command, over));
  }

  /** The book of a plugin's calls. To be opened before the plugin is loaded. */
  ledger(plugin: string): Ledger {
    return new Ledger((listener) => this.host.on('event', listener), plugin);
  }

  /** Pids of everything that descends from this room's plugins and runs. */
  processes(): number[] {
    return processesWith(`ROOM_MARK=${this.mark}`);
  }

  /** The instances' directories, and what lies in them. */
  files(): string[] {
    return readdirSync(this.runDir, { recursive: true })
      .map(String)
      .filter((path) => path.includes('/'))
      .sort();
  }

  /** Ends everything, and checks that nothing is left. */
  async close(): Promise<void> {
    await this.host.close();
    const left = {
      processes: this.processes(),
      files: existsSync(this.runDir) ? readdirSync(this.runDir) : [],
    };
    for (const pid of left.processes) process.kill(pid, 'SIGKILL');
    rmSync(this.runDir, { recursive: true, force: true });
    expect(left).toEqual({ processes: [], files: [] });
  }
}

/** The one process that serves a plugin. */
export function servingPid(plugin: Plugin): number {
  const [instance] = plugin.status().instances;
  if (instance === undefined) throw new Error(`${plugin.name} has no instance`);
  return instance.pid;
}

/** The PluginError that a promise or handle must end in. */
export async function failureOf(work: PromiseLike<unknown>): Promise<PluginError> {
  const outcome: unknown = await work.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof PluginError) return outcome;
  throw outcome;
}

/** Resolves when an operation has come to a phase of a step; rejects if it ends before. */
export async function reaches(handle: OperationHandle, step: string, phase = 'started'): Promise<void> {
  for await (const progress of handle) {
    if (progress.step === step && progress.phase === phase) return;
  }
  throw new Error(`the operation ended before ${step} was ${phase}`);
}

/** Ends a process by force and waits until it is gone. */
export async function killNow(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await eventually(() => !isRunning(pid), 5_000, `process ${pid} is gone`);
}
