import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import type { EmitEvent, RestartEvent } from '../events/host-event';
import { thrownText } from '../events/thrown-text';
import type { PluginSpec } from '../instance/plugin-spec';
import type { Replica } from './replica';
import type { RestartReason } from './restart-counters';
import type { InstanceEnd } from './restart-plan';

/** What was lost, and why another one is to take its place. */
export interface Loss {
  readonly replica: Replica;
  readonly reason: RestartReason;
  readonly end: InstanceEnd;
  readonly error: PluginError;
  /** `performance.now()`. */
  readonly at: number;
}

/** Tells what is done about a loss. */
export function tellOf(
  { replica, reason, at }: Loss,
  emit: EmitEvent,
  about: {
    readonly phase: RestartEvent['phase'];
    readonly attempt: number;
    readonly delayMs?: number;
    readonly error?: PluginError;
  },
): void {
  const { phase, attempt, delayMs = 0, error } = about;
  const { plugin, id: instance, version, generation } = replica.instance.identity;
  const elapsedMs = performance.now() - at;
  const because = error === undefined ? {} : { code: error.code, message: inFull(error) };
  const cause = { reason, ...because };
  emit({
    type: 'restart',
    plugin,
    version,
    generation,
    instance,
    phase,
    attempt,
    delayMs,
    elapsedMs,
    cause,
  });
}

/** Why it was lost, now with all that its process printed: an exit is often known before that has been read. */
export async function completeError({ replica, error }: Loss): Promise<PluginError> {
  const { launched } = replica.instance;
  await launched.outputEnded;
  return launched.error(error.code, error.summary);
}

/** For events, beside the code: what happened, and the last thing that the process said. Not for callers of plugins. */
export function inFull({ summary, facts }: PluginError): string {
  const { stderr } = facts;
  const last: unknown = Array.isArray(stderr) ? stderr.at(-1) : undefined;
  return typeof last === 'string' ? `${summary} Its last words: ${last}` : summary;
}

/** Why an instance is not started again. */
export function crashLoop({ name, restart }: PluginSpec, crashes: number, last: PluginError): PluginError {
  const { withinMs } = restart.budget;
  return new PluginError(
    'CRASH_LOOP',
    `Plugin ${name} was lost ${crashes} times within ${withinMs / 1000} s, and is not started again. The last time: ${last.summary}`,
    { facts: { ...last.facts, crashes, withinMs }, cause: last },
  );
}

/** Why a start failed: the factory throws nothing else, but a supervisor outlives its own defects. */
export function asPluginError(failure: unknown): PluginError {
  if (failure instanceof PluginError) return failure;
  const summary = `It could not be started: ${printable(thrownText(failure))}`;
  return new PluginError('CONNECT_FAILED', summary, { cause: failure });
}
