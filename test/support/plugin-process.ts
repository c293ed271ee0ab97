import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Channel, credentials as grpc } from '@grpc/grpc-js';
import { type Certificate, createCertificate, decodeCertificateField } from '@plugd/protocol/certificate';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import { type HandshakeLine, parseHandshakeLine } from '@plugd/protocol/handshake-line';
import { LogLineParser, type LogRecord } from '@plugd/protocol/log-record';

const PATIENCE_MS = 10_000;

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The versions that the host offers. Default: 1 and 2. */
  readonly versions?: string;
  readonly autoMtls?: boolean;
  readonly multiplex?: string;
  /** Number of the user, and of the group, that the plugin runs as. Default: those of the test. */
  readonly user?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A plugin's process, seen from a host that is as simple as can be: for tests of what the plugin's side does. */
export class PluginProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'sdk-test-'));
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly hostCertificate: Certificate | undefined;
  stdout = '';
  stderr = '';
  #channel: Channel | undefined;

  constructor(command: string, options: StartOptions = {}) {
    this.hostCertificate = options.autoMtls ? createCertificate() : undefined;
    const { user } = options;
    if (user !== undefined) chownSync(this.directory, user, user);
    this.child = spawn(command, options.args ?? [], {
      ...(user === undefined ? {} : { uid: user, gid: user }),
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        KV_PLUGIN: 'hello',
        PLUGIN_MIN_PORT: '10000',
        PLUGIN_MAX_PORT: '25000',
        PLUGIN_PROTOCOL_VERSIONS: options.versions ?? '1,2',
        PLUGIN_UNIX_SOCKET_DIR: this.directory,
        ...(this.hostCertificate ? { PLUGIN_CLIENT_CERT: this.hostCertificate.certificatePem } : {}),
        ...(options.multiplex === undefined ? {} : { PLUGIN_MULTIPLEX_GRPC: options.multiplex }),
        ...options.env,
      },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.exited.catch(() => {});
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error('the process did not start');
    return pid;
  }

  /** The first line on standard output, read as a host reads it. */
  async handshake(): Promise<HandshakeLine> {
    await this.until(() => this.stdout.includes('\n'), 'a handshake line');
    const [line = ''] = this.stdout.split('\n', 1);
    return parseHandshakeLine(line, { versions: [Number(line.split('|')[1])] });
  }

  /** A channel to the plugin, made once. */
  async connect(): Promise<Channel> {
    const line = await this.handshake();
    const own = this.hostCertificate;
    const credentials =
      own === undefined
        ? grpc.createInsecure()
        : grpc.createSsl(
            Buffer.from(decodeCertificateField(line.certificate)),
            Buffer.from(own.keyPem),
            Buffer.from(own.certificatePem),
          );
    this.#channel ??= new Channel(grpcTarget(line.network, line.address), credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
    return this.#channel;
  }

  /** The records that the plugin has logged so far. */
  logs(): LogRecord[] {
    const parser = new LogLineParser();
    return this.stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => parser.parse(line));
  }

  async until(holds: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
    const end = performance.now() + patienceMs;
    while (!holds()) {
      if (performance.now() > end) {
        throw new Error(`waited in vain for ${what}; stdout: ${this.stdout}; stderr: ${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Waits for the process to end by itself. */
  async exit(patienceMs = PATIENCE_MS): Promise<Exit> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`still running; stderr: ${this.stderr}`)), patienceMs);
    });
    try {
      return await Promise.race([this.exited, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Leaves nothing behind, however the test ended. */
  async dispose(): Promise<void> {
    this.#channel?.close();
    if (this.child.pid !== undefined) {
      this.child.kill('SIGKILL');
      await this.exited;
    }
    if (existsSync(this.directory)) rmSync(this.directory, { recursive: true, force: true });
  }
}

const started: PluginProcess[] = [];

/** Starts a plugin that {@link disposePlugins} ends. */
export function startPluginProcess(command: string, options?: StartOptions): PluginProcess {
  const plugin = new PluginProcess(command, options);
  started.push(plugin);
  return plugin;
}

/** For `afterEach`. */
export async function disposePlugins(): Promise<void> {
  await Promise.all(started.splice(0).map((plugin) => plugin.dispose()));
}
