import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LoadOptions, Plugin } from '@plugd/host';
import type { CanaryOrder } from '../upgrade/canary-plugin';
import { bundleProgram } from './bundle';
import { counterOptions } from './counter-room';
import type { HostRoom } from './host-room';

/** The plugin that does as well or as badly as it is told: one for a test file. */
export class CanaryProgram {
  readonly #program = bundleProgram(resolve(__dirname, '../upgrade/canary-plugin.ts'));
  #rooms = 0;

  /** The file that slows all down that were told of it. */
  readonly weather = join(this.#program.directory, 'weather');

  /** From now on all that look at the weather are so many times as slow. */
  slowDown(factor: number): void {
    writeFileSync(this.weather, String(factor));
  }

  /** A directory in which processes note their starts. */
  starts(): string {
    const directory = join(this.#program.directory, `starts-${++this.#rooms}`);
    mkdirSync(directory);
    return directory;
  }

  /** What makes a version of it of any operation's options. */
  options(room: Pick<HostRoom, 'mark'>, order: CanaryOrder = {}) {
    const { version = '1.0.0' } = order;
    return {
      version,
      command: this.#program.file,
      env: { ROOM_MARK: room.mark, CANARY: JSON.stringify({ ...order, version }) },
    };
  }

  load(room: HostRoom, order: CanaryOrder = {}, over: Partial<LoadOptions> = {}): Promise<Plugin> {
    const { command, ...options } = this.options(room, order);
    return room.load(command, { ...counterOptions, name: 'canary', ...options, ...over });
  }

  dispose(): void {
    rmSync(this.#program.directory, { recursive: true, force: true });
  }
}
