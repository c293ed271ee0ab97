import { statSync } from 'node:fs';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Platform, SpawnedProcess } from '../platform/platform';
import { AttachedProcess } from './attached-process';
import { ForeignProcess } from './foreign-process';
import type { Guarded, Guardian } from './guardian';
import type { InstanceRecord } from './instance-record';
import type { Keeper, KeptProcess, ProcessSpec } from './keeper';
import { OwnedProcess } from './owned-process';

/** Keeps processes as children of the host's own process; the guardian ends them if that is killed. */
export class LocalKeeper implements Keeper {
  readonly #platform: Platform;
  readonly #guardian: Guardian;
  readonly #kept = new Map<OwnedProcess | AttachedProcess, Guarded | undefined>();

  constructor(platform: Platform, guardian: Guardian) {
    this.#platform = platform;
    this.#guardian = guardian;
  }

  async start(spec: ProcessSpec): Promise<KeptProcess> {
    const child = await this.#spawn(spec);
    const guarded = this.#guardGroup(child.group, null);
    const kept = new OwnedProcess(child, this.#platform);
    this.#kept.set(kept, guarded);
    child.onExit(() => {
      // What is left of its group goes with it, and at once: from now on the number may become another's.
      if (child.group !== null) void this.#platform.kill(child.pid, child.group);
      guarded?.release();
      this.#kept.delete(kept);
    });
    void kept.startTime.then((startTime) => guarded?.update(groupText(child.group, startTime)));
    return kept;
  }

  async #spawn(spec: ProcessSpec): Promise<SpawnedProcess> {
    try {
      return await this.#platform.spawn(spec);
    } catch (cause) {
      const why = isDirectory(spec.cwd)
        ? `the system refused to start it (${(cause as Error).message})`
        : `the working directory ${spec.cwd} does not exist`;
      throw new PluginError('SPAWN_FAILED', `${spec.command} was not started: ${why}.`, {
        facts: { path: spec.command, cwd: spec.cwd },
        cause,
      });
    }
  }

  async attach(record: InstanceRecord): Promise<KeptProcess> {
    const identity = { pid: record.pid, startTime: record.startTime };
    const facts = { ...identity, id: record.id, plugin: record.plugin };
    if (identity.startTime === null)
      throw new PluginError('ATTACH_FAILED', 'The record does not say when its process began.', { facts });
    if (await this.#platform.isGone(identity))
      throw new PluginError('ATTACH_FAILED', `Process ${record.pid} of the record is gone.`, { facts });
    const kept = new AttachedProcess(identity, record.group, this.#platform);
    const handed = record.foreign === undefined ? kept : new ForeignProcess(kept);
    const guarded = this.#guardGroup(handed.group, record.startTime);
    this.#kept.set(kept, guarded);
    void handed.exited.then(() => {
      guarded?.release();
      this.#kept.delete(kept);
    });
    return handed;
  }

  release(): void {
    for (const [kept, guarded] of this.#kept) {
      guarded?.release();
      if (kept instanceof AttachedProcess) kept.release();
      else kept.unref();
    }
    this.#kept.clear();
  }

  #guardGroup(group: number | null, startTime: string | null): Guarded | undefined {
    return group === null ? undefined : this.#guardian.guard('group', groupText(group, startTime));
  }
}

/** As the guardian's script reads it. */
function groupText(group: number | null, startTime: string | null): string {
  return `${group} ${startTime ?? '-'}`;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
