import { randomBytes } from 'node:crypto';
import { CORE_PROTOCOL_VERSION } from '@plugd/protocol/handshake-line';
import type { LogLevel, LogRecord } from '@plugd/protocol/log-record';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Platform } from '../platform/platform';
import { type Guarded, Guardian } from './guardian';
import { InstanceHandle, type InstanceHandleOptions } from './instance-handle';
import type { InstanceRecord } from './instance-record';
import { joinSignals } from './join-signals';
import type { Keeper } from './keeper';
import type { LaunchOptions, LaunchSpec } from './launch-spec';
import type { LaunchedInstance } from './launched-instance';
import { LocalKeeper } from './local-keeper';
import { noOutput } from './output-counters';
import { OutputTail } from './output-tail';
import { placeOf } from './place-of';
import type { ReattachLine } from './reattach-line';
import { removeInstance } from './remove-instance';
import { RunDirectory, removeInstanceDirectory } from './run-directory';
import { ownSocket } from './socket-file';
import { startProcess } from './start-process';
import { Witness } from './witness';

export interface LauncherOptions {
  readonly platform: Platform;
  /** Who owns the processes; default: this process. */
  readonly keeper?: Keeper;
  /**
   * Where the run directory is made; default: XDG_RUNTIME_DIR, else the temp dir. It has to belong to this user and
   * must not be writable by others. Created if it is missing.
   */
  readonly runDir?: string;
  /** The launcher's own records. */
  readonly log?: (record: LogRecord) => void;
}

/** Starts plugin processes and sees to it that nothing of them is left, however this host ends. */
export class Launcher {
  readonly #platform: Platform;
  readonly #guardian: Guardian;
  readonly #keeper: Keeper;
  readonly #runDir: string | undefined;
  readonly #log: (level: LogLevel, message: string, fields: Record<string, unknown>) => void;
  /** The beginning of the token of every process that this host starts. */
  readonly #token = `${randomBytes(16).toString('hex')}-`;
  /** With the place where each listens. */
  readonly #instances = new Map<InstanceHandle, string>();
  readonly #starting = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  readonly #guarded: Guarded[] = [];
  #directory: RunDirectory | undefined;
  #sharedDirectory: RunDirectory | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LauncherOptions) {
    this.#platform = options.platform;
    this.#runDir = options.runDir;
    this.#log = (level, message, fields) => options.log?.({ level, message, module: 'launch', fields });
    this.#guardian = new Guardian({
      platform: options.platform,
      onRestart: (lost) => this.#log('warn', 'the guardian was lost and is started again', lost),
    });
    this.#keeper = options.keeper ?? new LocalKeeper(options.platform, this.#guardian);
  }

  /** Of this host; undefined before {@link open}. */
  get token(): string {
    return this.#token;
  }

  get directory(): string | undefined {
    return this.#directory?.path;
  }

  /** Of the guardian's process; undefined where there is none. */
  get guardianPid(): number | undefined {
    return this.#guardian.pid;
  }

  /**
   * Makes the run directory and the guardian. Throws RUN_DIR_UNSAFE, RUN_DIR_FULL, SOCKET_PATH_TOO_LONG,
   * GUARDIAN_FAILED.
   */
  async open(): Promise<void> {
    this.#refuseIfClosed();
    // First the guardian: there is no moment at which a directory or a process is there and nobody guards it.
    await this.#guardian.open();
    this.#guarded.push(this.#guardian.guard('token', this.#token));
    try {
      this.#directory = this.#makeDirectory(false);
    } catch (error) {
      // Nothing has been started that it would have to look for.
      for (const one of this.#guarded.splice(0)) one.release();
      await this.#guardian.close({ abandon: false });
      throw error;
    }
  }

  #makeDirectory(shared: boolean): RunDirectory {
    let guarded: Guarded | undefined;
    try {
      return RunDirectory.create({
        platform: this.#platform,
        ...(this.#runDir === undefined ? {} : { base: this.#runDir }),
        shared,
        onCreated: (path) => {
          guarded?.release();
          guarded = this.#guardian.guard('directory', path);
        },
      });
    } catch (error) {
      guarded?.release();
      guarded = undefined;
      throw error;
    } finally {
      if (guarded !== undefined) this.#guarded.push(guarded);
    }
  }

  /**
   * From spawn to a checked handshake. On any failure nothing of the process is left.
   *
   * Throws PluginError with one of the codes of a start, each with the facts that are known: see docs/errors.md.
   */
  async start(spec: LaunchSpec, options: LaunchOptions): Promise<LaunchedInstance> {
    this.#refuseIfClosed();
    const { signal, release } = joinSignals([
      this.#closing.signal,
      ...(options.signal ? [options.signal] : []),
    ]);
    const starting = this.#start(spec, { ...options, signal });
    const tracked = starting
      .catch(() => {})
      .finally(() => {
        release();
        this.#starting.delete(tracked);
      });
    this.#starting.add(tracked);
    return starting;
  }

  async #start(
    spec: LaunchSpec,
    options: LaunchOptions & { signal: AbortSignal },
  ): Promise<LaunchedInstance> {
    const started = await startProcess(spec, options, {
      platform: this.#platform,
      keeper: this.#keeper,
      token: this.#token + randomBytes(8).toString('hex'),
      directoryFor: (group) => this.#instanceDirectory(group),
      isTaken: (offered) => this.#isTaken(placeOf(offered)),
    });
    const { record, kept, witness, output } = started;
    return this.#handle(record, {
      kept,
      witness,
      outputEnded: output.ended,
      output: () => output.counters(),
      guarded: this.#guardSocket(record),
      onRemoved: options.onRemoved,
    });
  }

  #isTaken(place: string): boolean {
    return [...this.#instances].some(([{ exit }, taken]) => exit === undefined && place === taken);
  }

  /** A socket in the directory goes with it; one that an old plugin put in the temp dir has to be told of. */
  #guardSocket(record: InstanceRecord): Guarded[] {
    const socket = ownSocket(record);
    return socket?.strayed ? [this.#guardian.guard('socket', socket.path)] : [];
  }

  #instanceDirectory(group: number | undefined): string {
    this.#refuseIfClosed();
    if (group === undefined) return this.#ownDirectory().createInstance();
    // The members of the group have to get through to it, which they can't where only this user may enter.
    this.#sharedDirectory ??= this.#makeDirectory(true);
    return this.#sharedDirectory.createInstance(group);
  }

  #ownDirectory(): RunDirectory {
    if (this.#directory === undefined)
      throw new PluginError('HOST_CLOSED', 'The launcher has not been opened.');
    return this.#directory;
  }

  /** Takes over a running process: from now on it ends with this host. Throws PluginError ATTACH_FAILED. */
  async attach(
    record: InstanceRecord,
    options: Pick<LaunchOptions, 'onRemoved'> = {},
  ): Promise<LaunchedInstance> {
    this.#refuseIfClosed();
    const kept = await this.#keeper.attach(record);
    const { id, plugin, version, generation } = record;
    const witness = new Witness({ about: { id, plugin, version, generation }, stderr: new OutputTail() });
    witness.watch(kept);
    const guarded = [this.#guardian.guard('directory', record.directory)];
    if (record.foreign === undefined) {
      guarded.push(this.#guardian.guard('token', record.token), ...this.#guardSocket(record));
    }
    return this.#handle(record, {
      kept,
      witness,
      outputEnded: kept.exited.then(() => {}),
      output: () => ({ stdout: noOutput, stderr: noOutput }),
      guarded,
      onRemoved: options.onRemoved,
    });
  }

  /**
   * Watches a process that was started by hand. It gets a directory for what this host makes for it, and is never
   * signalled, whatever becomes of this host. Throws PluginError ATTACH_FAILED.
   */
  async attachForeign(
    about: Pick<InstanceRecord, 'id' | 'plugin' | 'version' | 'generation' | 'hostCertificate'>,
    line: ReattachLine,
  ): Promise<LaunchedInstance> {
    this.#refuseIfClosed();
    const { pid, network, address, protocolVersion } = line;
    const startTime = await this.#platform.startTime(pid);
    if (startTime === null) {
      throw new PluginError('ATTACH_FAILED', `Process ${pid} of the line is not there.`, {
        facts: { pid, plugin: about.plugin },
        hint: 'Start the plugin again, and give the line that it prints then.',
      });
    }
    const directory = this.#instanceDirectory(undefined);
    try {
      return await this.attach({
        ...about,
        pid,
        startTime,
        group: null,
        // Nothing carries it, so nothing is found by it.
        token: this.#token + randomBytes(8).toString('hex'),
        network,
        address,
        directory,
        pluginCertificatePem: line.certificatePem,
        coreVersion: CORE_PROTOCOL_VERSION,
        protocolVersion,
        protocol: 'grpc',
        foreign: line.test ? 'leave' : 'ask',
        capabilities: { multiplex: false },
        broker: [],
        startedAt: Date.now(),
      });
    } catch (error) {
      await removeInstanceDirectory(directory, this.#paths());
      throw error;
    }
  }

  #handle(
    record: InstanceRecord,
    {
      guarded,
      onRemoved,
      ...live
    }: Omit<InstanceHandleOptions, 'record' | 'end'> & {
      readonly guarded: readonly Guarded[];
      readonly onRemoved: LaunchOptions['onRemoved'] | undefined;
    },
  ): LaunchedInstance {
    const { kept } = live;
    const handle = new InstanceHandle({
      record,
      ...live,
      end: async (politeMs) => {
        const ownDirectories = this.#paths();
        if (record.foreign === undefined) {
          await removeInstance(record, kept, { platform: this.#platform, politeMs, ownDirectories });
        } else {
          kept.closeOutput();
          await removeInstanceDirectory(record.directory, ownDirectories).catch(() => {});
        }
        for (const one of guarded) one.release();
        this.#instances.delete(handle);
        await onRemoved?.();
      },
    });
    this.#instances.set(handle, placeOf(record));
    return handle;
  }

  /** A private directory for what outlives one instance; it goes with the host. Throws RUN_DIR_UNSAFE, RUN_DIR_FULL. */
  makeSharedDirectory(): string {
    this.#refuseIfClosed();
    return this.#ownDirectory().createShared();
  }

  /** Another host's, from a record: it goes with this one from now on, if nobody removes it before. */
  guardSharedDirectory(path: string): Guarded {
    return this.#guardian.guard('directory', path);
  }

  /** Removes one of either kind. */
  removeSharedDirectory(path: string): Promise<void> {
    return removeInstanceDirectory(path, this.#paths());
  }

  #paths(): string[] {
    return [this.#directory, this.#sharedDirectory].flatMap((directory) => directory?.path ?? []);
  }

  /** Ends what still runs, removes the run directory, ends the guardian. Never rejects; may be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new PluginError('HOST_CLOSED', 'The host was closed.'));
    await Promise.all(this.#starting);
    const ended = await Promise.allSettled([...this.#instances.keys()].map((instance) => instance.kill()));
    let left = false;
    for (const result of ended) {
      if (result.status === 'fulfilled') continue;
      left = true;
      this.#log('error', 'an instance could not be ended', { error: result.reason });
    }
    for (const directory of [this.#directory, this.#sharedDirectory]) {
      await directory?.remove().catch((error: unknown) => {
        left = true;
        this.#log('error', 'the run directory could not be removed', { error });
      });
    }
    // What could not be dealt with here is left to the guardian, which tries it all again.
    if (!left) for (const one of this.#guarded) one.release();
    await this.#guardian.close({ abandon: false });
  }

  /** Leaves every process running and every directory in place, for another host to attach to. */
  async handOver(): Promise<void> {
    this.#closed ??= (async () => {
      this.#closing.abort(new PluginError('HOST_CLOSED', 'The host was handed over.'));
      await Promise.all(this.#starting);
      this.#keeper.release();
      this.#instances.clear();
      // With an instance in it, it goes when that one ends; without, nobody else would think of it.
      for (const directory of [this.#directory, this.#sharedDirectory]) directory?.removeIfEmpty();
      await this.#guardian.close({ abandon: true });
    })();
    return this.#closed;
  }

  #refuseIfClosed(): void {
    if (this.#closed !== undefined) throw new PluginError('HOST_CLOSED', 'The host is closed.');
  }
}
