import { randomBytes } from 'node:crypto';
import {
  DEFAULT_MAX_PORT,
  DEFAULT_MIN_PORT,
  PLUGD_TOKEN,
  PLUGIN_PROTOCOL_VERSIONS,
  pluginEnvironment,
  scrubEnvironment,
} from '@plugd/protocol/environment';
import { checkRunnable } from '../artifact/runnable';
import { Guardian } from '../launch/guardian';
import { LocalKeeper } from '../launch/local-keeper';
import { removeInstance } from '../launch/remove-instance';
import { RunDirectory } from '../launch/run-directory';
import { removeSocket, type SocketOwner } from '../launch/socket-file';
import type { Platform } from '../platform/platform';
import type { PluginUnderTest } from './plugin-under-test';
import { Probe } from './probe';

/** What a start tells the plugin, where it differs from a plain host's. */
export interface StartWishes {
  /** Null: no cookie at all. Default: the right one. */
  readonly cookie?: string | null;
  /** The text of the list of versions; null: no list. Default: the versions of the plugin. */
  readonly versions?: string | null;
  readonly multiplex?: boolean;
  readonly certificatePem?: string;
}

/** Of a handshake line, as they stand there. */
export interface AddressFields {
  readonly network: string;
  readonly address: string;
}

type Started = Pick<Probe, 'directory' | 'startedAt'>;

/** The third and fourth field of what a plugin printed, whatever that was. */
export function addressFields(stdout: string): AddressFields {
  const [line = ''] = stdout.split('\n', 1);
  const [, , network = '', address = ''] = line.split('|');
  return { network, address };
}

/** Starts the plugin again and again, beneath a host's launcher: that would not lie to a plugin, or let it lie. */
export class Laboratory {
  readonly plugin: PluginUnderTest;
  readonly platform: Platform;
  readonly guardian: Guardian;
  readonly #keeper: LocalKeeper;
  readonly #token = `${randomBytes(16).toString('hex')}-`;
  #runDirectory: RunDirectory | undefined;
  readonly #release: (() => void)[] = [];

  private constructor(plugin: PluginUnderTest, platform: Platform) {
    this.plugin = plugin;
    this.platform = platform;
    this.guardian = new Guardian({ platform });
    this.#keeper = new LocalKeeper(platform, this.guardian);
  }

  /** Throws the PluginError of a file that can't be run, and those of a run directory. */
  static async open(plugin: PluginUnderTest, platform: Platform): Promise<Laboratory> {
    await checkRunnable(plugin.command, { env: plugin.env });
    const laboratory = new Laboratory(plugin, platform);
    await laboratory.#open();
    return laboratory;
  }

  async #open(): Promise<void> {
    await this.guardian.open();
    this.#release.push(this.guardian.guard('token', this.#token).release);
    try {
      this.#runDirectory = RunDirectory.create({
        platform: this.platform,
        shared: false,
        onCreated: (path) => this.#release.push(this.guardian.guard('directory', path).release),
      });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** A directory and an environment for one process. */
  place(wishes: StartWishes): { directory: string; token: string; env: Record<string, string> } {
    const directory = this.#runDirectory?.createInstance();
    if (directory === undefined) throw new Error('The laboratory is not open.');
    const token = this.#token + randomBytes(8).toString('hex');
    return { directory, token, env: this.#environment(wishes, directory, token) };
  }

  #environment(wishes: StartWishes, directory: string, token: string): Record<string, string> {
    const { cookie, versions, env: inherited } = this.plugin;
    const env: Record<string, string> = {
      ...scrubEnvironment(inherited),
      ...pluginEnvironment({
        cookie,
        protocolVersions: versions,
        minPort: DEFAULT_MIN_PORT,
        maxPort: DEFAULT_MAX_PORT,
        multiplex: wishes.multiplex,
        clientCertificate: wishes.certificatePem,
        unixSocketDir: directory,
      }),
      [PLUGD_TOKEN]: token,
    };
    const change = (name: string, value: string | null | undefined): void => {
      if (value === null) delete env[name];
      else if (value !== undefined) env[name] = value;
    };
    change(cookie[0], wishes.cookie);
    change(PLUGIN_PROTOCOL_VERSIONS, wishes.versions);
    return env;
  }

  async start(wishes: StartWishes = {}): Promise<Probe> {
    const { command, args, cwd } = this.plugin;
    const { env, ...place } = this.place(wishes);
    const kept = await this.#keeper.start({ command, args, cwd, env, stdin: 'ignore', token: place.token });
    return new Probe(kept, place);
  }

  /** Ends a process, and removes its directory and its socket. Throws PluginError STOP_FAILED. */
  async end(probe: Probe, line: AddressFields): Promise<void> {
    const { kept, token } = probe;
    await removeInstance({ ...this.#socket(probe, line), token }, kept, {
      platform: this.platform,
      politeMs: 0,
      ownDirectories: [this.#runDirectory?.path ?? ''],
    });
  }

  /** Removes the socket that a process left which has been ended by other means. */
  removeSocket(started: Started, line: AddressFields): void {
    removeSocket(this.#socket(started, line));
  }

  #socket({ directory, startedAt }: Started, { network, address }: AddressFields): SocketOwner {
    const temporaryDirectory = this.plugin.env['TMPDIR'];
    return {
      network: network === 'unix' ? 'unix' : 'tcp',
      address,
      directory,
      startedAt,
      ...(temporaryDirectory === undefined ? {} : { temporaryDirectory }),
    };
  }

  /** Runs a task with a process of its own. */
  async with<T>(wishes: StartWishes, task: (probe: Probe) => Promise<T>): Promise<T> {
    const probe = await this.start(wishes);
    try {
      return await task(probe);
    } finally {
      await this.end(probe, addressFields(probe.stdoutHead));
    }
  }

  async close(): Promise<void> {
    await this.#runDirectory?.remove();
    for (const release of this.#release.splice(0)) release();
    await this.guardian.close({ abandon: false });
  }
}
