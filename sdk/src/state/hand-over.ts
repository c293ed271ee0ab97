import { LifecycleDefinition, type SnapshotResponse } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';

/** A running plugin, as far as a handoff needs it. */
export interface Party {
  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def>;
}

type Lifecycle = PromiseClient<typeof LifecycleDefinition>;

/** How long each step may take, in milliseconds. */
const STEP_MS = 5000;
/** How long its call may take, which says what went wrong there. */
const limits = { timeoutMs: STEP_MS + 1000 };

/**
 * Leads two plugins through a handoff in the order of plugd's hosts. Where it fails the old one is resumed.
 * @throws RpcError with the code of the step that failed; PluginError STATE_DIFFERS; AggregateError with that and what
 *   Resume threw, if it failed too
 */
export async function leadHandoff(from: Party, to: Party): Promise<void> {
  const old = from.client(LifecycleDefinition);
  const next = to.client(LifecycleDefinition);
  try {
    await old.pause({ limitMs: STEP_MS }, limits);
    const { state } = await old.describe({}, limits);
    const parts = state === undefined ? undefined : await snapshotOf(old);
    await old.release({}, limits);
    if (parts !== undefined) await restore(next, parts);
    await next.activate({}, limits);
  } catch (error) {
    try {
      await old.resume({}, limits);
    } catch (failed) {
      throw new AggregateError([error, failed], 'The handoff failed, and so did Resume.');
    }
    throw error;
  }
}

async function snapshotOf(old: Lifecycle): Promise<SnapshotResponse[]> {
  const parts: SnapshotResponse[] = [];
  for await (const part of old.snapshot({}, limits)) parts.push(part);
  return parts;
}

async function restore(next: Lifecycle, parts: readonly SnapshotResponse[]): Promise<void> {
  await next.restore(parts, limits);
  const { same, difference } = await next.check(parts, limits);
  if (same) return;
  throw new PluginError('STATE_DIFFERS', 'The new version restored something else than it was given.', {
    facts: { difference },
  });
}
