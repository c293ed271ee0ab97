import { status } from '@grpc/grpc-js';
import { ResourceKind } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { Description } from '../connection/lifecycle';
import type { Instance } from '../instance/instance';
import type { Snapshot } from '../state/snapshot';

/** How long a plugin may take to take over a state, and to begin. */
export const beginTimeoutMs = 10_000;

/** The state that is kept of a plugin in one of these schemas, the latest one; undefined where none is. */
export type KeptState = (schemas: readonly number[]) => Promise<Snapshot | undefined>;

/** Whether an instance can't take another one's place without something from it. */
export function keepsState({ state, resources }: Description): boolean {
  return state !== undefined || resources.some(({ kind }) => kind === ResourceKind.RESOURCE_KIND_EXCLUSIVE);
}

/**
 * Lets a proved instance begin, where nobody hands anything over to it: with the state that was kept, if there is one,
 * and the word that calls come now. A plugin that keeps nothing need not be told.
 *
 * Throws PluginError HANDOFF_FAILED.
 */
export async function beginLife(instance: Instance, keptState: KeptState): Promise<void> {
  const { description, connection } = instance;
  if (description === undefined) return;
  const { state, resources } = description;
  if (state === undefined && resources.length === 0) return;
  const kept = state === undefined ? undefined : await keptState(state.restores);
  if (kept !== undefined) {
    await connection.lifecycle.restore(kept, { timeoutMs: beginTimeoutMs }).catch((error: unknown) => {
      throw lifecycleError(instance, 'did not take over the state that was kept', error);
    });
  }
  await activate(instance, beginTimeoutMs);
}

/** Throws PluginError HANDOFF_FAILED. A plugin without the call needs no telling. */
export async function activate(instance: Instance, timeoutMs: number): Promise<void> {
  try {
    await instance.connection.lifecycle.activate({ timeoutMs });
  } catch (error) {
    if (error instanceof RpcError && error.code === status.UNIMPLEMENTED) return;
    throw lifecycleError(instance, 'did not begin when it was told to', error);
  }
}

/** What went wrong between host and plugin in a call of the plugin's life. */
export function lifecycleError({ launched, identity }: Instance, what: string, cause: unknown): PluginError {
  const { plugin, version, generation } = identity;
  const said =
    cause instanceof RpcError
      ? `${cause.codeName}: ${cause.details}`
      : cause instanceof Error
        ? cause.message
        : String(cause);
  const why = cause instanceof RpcError ? (cause.pluginCode ?? cause.codeName) : undefined;
  return launched.error('HANDOFF_FAILED', `Plugin ${plugin} ${version} ${what}: ${said}`, {
    facts: { version, generation, ...(why === undefined ? {} : { why }) },
    cause,
  });
}
