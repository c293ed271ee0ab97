import { status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { SnapshotInvalid } from '../connection/lifecycle';
import type { Instance } from '../instance/instance';
import { waitAtMost } from '../launch/wait-at-most';
import { type Snapshot, SnapshotSpool } from '../state/snapshot';
import { lifecycleError } from '../supervision/begin-life';
import { exitNoticeMs } from './make-ready';

/** A state larger than this is not handed over. */
const largestSnapshotBytes = 1024 * 1024 * 1024;

/** The state of one plugin on its way from the old instance to the new one. Each part throws PluginError HANDOFF_FAILED. */
export class Handoff {
  readonly #directory: string;
  readonly #spool: SnapshotSpool;
  #taken: Snapshot | undefined;

  /**
   * @param directory private to the host, for states that are too large for memory
   * @param given what the new one gets instead of the old one's state
   */
  constructor(
    directory: string,
    readonly given: Snapshot | undefined,
  ) {
    this.#directory = directory;
    this.#spool = new SnapshotSpool(directory, largestSnapshotBytes);
  }

  /** What was read from the old one; undefined before. */
  get taken(): Snapshot | undefined {
    return this.#taken;
  }

  async pause(old: Instance, timeoutMs: number): Promise<void> {
    await told(old, 'did not pause', () => old.connection.lifecycle.pause({ timeoutMs }));
  }

  async take(old: Instance, timeoutMs: number): Promise<Snapshot> {
    this.#taken = await told(old, 'did not give its state', () =>
      old.connection.lifecycle.snapshot(this.#spool, { timeoutMs }),
    );
    return this.#taken;
  }

  async release(old: Instance, names: readonly string[], timeoutMs: number): Promise<void> {
    await told(old, 'did not let go of what it holds', () =>
      old.connection.lifecycle.release(names, { timeoutMs }),
    );
  }

  async resume(old: Instance, timeoutMs: number): Promise<void> {
    await told(old, 'did not go on', () => old.connection.lifecycle.resume({ timeoutMs }));
  }

  async restore(next: Instance, snapshot: Snapshot, timeoutMs: number): Promise<void> {
    await told(next, 'did not take over the state', () =>
      next.connection.lifecycle.restore(snapshot, { timeoutMs }),
    );
  }

  /**
   * Whether the new one has the state that it was given: by its author's word, else by the digest of a second snapshot,
   * which says something only where both are in one schema. Resolves to whether anybody could tell.
   */
  async check(next: Instance, snapshot: Snapshot, timeoutMs: number): Promise<boolean> {
    const { lifecycle } = next.connection;
    const due = performance.now() + timeoutMs;
    const said = await told(next, 'could not say whether it has the state', () =>
      lifecycle.check(snapshot, { timeoutMs }),
    );
    if (said !== undefined) {
      if (!said.same) throw differs(next, said.difference);
      return true;
    }
    if (next.description?.state?.schema !== snapshot.schema) return false;
    const second = new SnapshotSpool(this.#directory, largestSnapshotBytes);
    try {
      const { sha256 } = await told(next, 'did not give its state', () =>
        lifecycle.snapshot(second, { timeoutMs: Math.max(1, due - performance.now()) }),
      );
      if (!sha256.equals(snapshot.sha256)) throw differs(next, 'its snapshot has another digest');
      return true;
    } finally {
      await second.discard();
    }
  }

  /** Removes what it keeps of the state. */
  discard(): Promise<void> {
    return this.#spool.discard();
  }
}

function differs(next: Instance, difference: string): PluginError {
  const { plugin, version } = next.identity;
  return next.launched.error(
    'STATE_DIFFERS',
    `Version ${version} of plugin ${plugin} has another state than it was given: ${difference}`,
    { facts: { difference } },
  );
}

async function told<T>(instance: Instance, what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    // Whether its process is gone decides what comes next, and may be heard of a little later than that its call is lost.
    if (error instanceof RpcError && error.code === status.UNAVAILABLE) {
      await waitAtMost(instance.launched.exited, exitNoticeMs);
    }
    const cause = error instanceof SnapshotInvalid ? new Error(`no snapshot: ${error.message}`) : error;
    throw error instanceof PluginError ? error : lifecycleError(instance, what, cause);
  }
}
