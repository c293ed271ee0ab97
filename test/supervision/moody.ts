import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LoadOptions, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { bundleProgram } from '../support/bundle';
import type { HostRoom } from '../support/host-room';

/** The plugin that does what it is told: one for a test file. */
export class Moody {
  readonly #program = bundleProgram(resolve(__dirname, 'moody-plugin.ts'));
  readonly #gate = join(this.#program.directory, 'gate');

  get command(): string {
    return this.#program.file;
  }

  options(over: Partial<LoadOptions> = {}): Partial<LoadOptions> {
    return { contract: [KvDefinition], ...over, env: { MOODY_GATE: this.#gate, ...over.env } };
  }

  load(room: HostRoom, over: Partial<LoadOptions> = {}): Promise<Plugin> {
    this.openGate();
    return room.load(this.#program.file, this.options(over));
  }

  /** From now on a process of the plugin does not come up before {@link openGate}, and those in a bad mood show it. */
  shutGate(): void {
    writeFileSync(this.#gate, '');
  }

  openGate(): void {
    rmSync(this.#gate, { force: true });
  }

  dispose(): void {
    rmSync(this.#program.directory, { recursive: true, force: true });
  }
}

/**
 * Makes one of a plugin's processes do something: `exit:3`, `signal:SIGTERM`, `sick`, `eat:100` MiB, `open:50` files, `burn:2`
 * threads; and as long as the gate is shut, `fail` each get or make it `slow:200` ms. Resolves with the process, if it
 * could still answer.
 */
export async function tell(plugin: Plugin, deed: string): Promise<number | undefined> {
  // Never made again: the contract doesn't allow it. A process that leaves by it has no answer.
  const answer = await plugin
    .client(KvDefinition)
    .load([{ key: deed }])
    .catch(() => undefined);
  return answer?.pid;
}
