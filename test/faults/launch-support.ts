import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LogRecord } from '@plugd/protocol/log-record';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { OutputStream } from '../../host/src/launch/keeper';
import type { LaunchSpec } from '../../host/src/launch/launch-spec';
import type { LaunchedInstance } from '../../host/src/launch/launched-instance';
import { Launcher, type LauncherOptions } from '../../host/src/launch/launcher';
import { selectPlatform } from '../../host/src/platform/select-platform';
import { isRunning, processesWith } from '../support/processes';

const root = resolve(__dirname, '../..');
export const chaos = join(root, 'plugins/chaos/dist/chaos');

/** A launcher with the chaos plugin at hand, and a mark by which a test finds whatever is left of its processes. */
export class LaunchRoom {
  readonly mark = `launch-test-${randomBytes(8).toString('hex')}`;
  readonly output: { record: LogRecord; stream: OutputStream }[] = [];
  readonly log: LogRecord[] = [];
  readonly launcher: Launcher;
  readonly temp = mkdtempSync(join(tmpdir(), 'launch-test-'));
  #count = 0;

  constructor(options: Partial<LauncherOptions> = {}) {
    if (!existsSync(chaos)) execFileSync(process.execPath, [join(root, 'plugins/chaos/build.mjs')]);
    this.launcher = new Launcher({
      platform: selectPlatform(),
      log: (record) => this.log.push(record),
      ...options,
    });
  }

  static async open(options: Partial<LauncherOptions> = {}): Promise<LaunchRoom> {
    const room = new LaunchRoom(options);
    await room.launcher.open();
    return room;
  }

  spec(mode: string, over: Partial<LaunchSpec> = {}): LaunchSpec {
    this.#count += 1;
    return {
      id: `chaos-${this.#count}`,
      plugin: 'chaos',
      version: '1.0.0',
      generation: this.#count,
      command: chaos,
      args: [],
      inheritEnv: true,
      cwd: this.temp,
      stdin: 'ignore',
      cookie: ['KV_PLUGIN', 'hello'],
      protocolVersions: [1, 2],
      certificate: null,
      startTimeoutMs: 10_000,
      ...over,
      env: { CHAOS: mode, TEST_MARK: this.mark, ...over.env },
    };
  }

  start(mode: string, over: Partial<LaunchSpec> = {}, signal?: AbortSignal): Promise<LaunchedInstance> {
    return this.launcher.start(this.spec(mode, over), {
      onOutput: (record, stream) => this.output.push({ record, stream }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The error of a start that has to fail; nothing of it may be left. */
  async failure(mode: string, over: Partial<LaunchSpec> = {}, signal?: AbortSignal): Promise<PluginError> {
    const error = await this.start(mode, over, signal).then(
      () => new Error('the start did not fail'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof PluginError)) throw error;
    expect(this.processes()).toEqual([]);
    expect(this.files()).toEqual([]);
    return error;
  }

  /** Pids of the processes that descend from this room's plugins and run. */
  processes(): number[] {
    return processesWith(`TEST_MARK=${this.mark}`);
  }

  /** What lies in the run directory. */
  files(): string[] {
    return this.launcher.directory === undefined ? [] : readdirSync(this.launcher.directory);
  }

  messages(stream: OutputStream): string[] {
    return this.output.filter((one) => one.stream === stream).map(({ record }) => record.message);
  }

  /** Ends everything, and checks that nothing is left. */
  async close(): Promise<void> {
    const { directory, guardianPid } = this.launcher;
    await this.launcher.close();
    rmSync(this.temp, { recursive: true, force: true });
    expect(this.processes()).toEqual([]);
    if (directory !== undefined) expect(existsSync(directory)).toBe(false);
    if (guardianPid !== undefined) expect(isRunning(guardianPid)).toBe(false);
  }
}
