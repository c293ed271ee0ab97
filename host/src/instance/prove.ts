import { setTimeout as sleep } from 'node:timers/promises';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { compareBuild, valid as validVersion } from 'semver';
import { connectFailure } from '../connection/failure';
import type { HealthAnswer } from '../connection/health';
import type { Description } from '../connection/lifecycle';
import type { GivenContract } from '../contract/given-contract';
import type { Logger } from '../events/logger';
import { describeExit } from '../launch/witness';
import type { Instance } from './instance';

/** How long one health check may take. */
const healthTimeoutMs = 10_000;
/** How often a connection that is refused is tried: a plugin listens before it prints its line. */
const connectAttempts = 4;
const firstRetryMs = 20;
const slowestPollMs = 250;

export interface ProofLimits {
  /** `performance.now()` at which the start has taken too long. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/**
 * Proves that a plugin answers, and says of itself that it serves. A handshake line alone proves nothing: hosts
 * in the style of go-plugin find a dead address only with their first call.
 *
 * Throws PluginError CONNECT_FAILED, TLS_FAILED, HEALTH_TIMEOUT, HEALTH_NOT_SERVING, PLUGIN_EXITED.
 */
export async function proveHealth(instance: Instance, limits: ProofLimits, logger: Logger): Promise<void> {
  let failures = 0;
  let reported: Extract<HealthAnswer, { status: 'not-serving' }> | undefined;
  for (let pauseMs = firstRetryMs; ; pauseMs = Math.min(2 * pauseMs, slowestPollMs)) {
    const leftMs = limits.deadline - performance.now();
    const timeoutMs = Math.max(1, Math.min(leftMs, healthTimeoutMs));
    const answer = await untilExit(
      instance,
      instance.connection.health({ timeoutMs, signal: limits.signal }),
    );
    if (answer.status === 'serving') return;
    if (answer.status === 'unknown') {
      logger.warn('the plugin has no health service; that it answers at all has to do', instance.origin);
      return;
    }
    if (answer.status === 'not-serving') reported = answer;
    if (answer.status === 'failed' && ++failures >= connectAttempts) throw refused(instance, answer);
    // What it said before tells more than that the last question came too late.
    if (answer.status === 'failed' && isTimeout(instance, answer))
      throw refused(instance, reported ?? answer);
    if (limits.deadline - performance.now() <= pauseMs) throw refused(instance, answer);
    await untilExit(instance, sleep(pauseMs, undefined, { signal: limits.signal }));
  }
}

/**
 * Asks the plugin what it is. Throws PluginError VERSION_MISMATCH if it says that it is another version than the one asked
 * for.
 */
export async function proveVersion(instance: Instance, limits: ProofLimits): Promise<void> {
  const said = await describe(instance, limits);
  instance.description = said;
  const { version } = instance.identity;
  if (said === undefined || said.version === '' || sameVersion(said.version, version)) return;
  throw instance.launched.error(
    'VERSION_MISMATCH',
    `Version ${version} was asked for, but the plugin says it is ${said.version}.`,
    { facts: { asked: version, said: said.version } },
  );
}

/**
 * A plugin that is only slow to answer must not count as one that keeps no state: it would be upgraded without it. Throws
 * PluginError HEALTH_TIMEOUT.
 */
async function describe(instance: Instance, limits: ProofLimits): Promise<Description | undefined> {
  const { network, address } = instance.launched.record;
  for (;;) {
    try {
      return await untilExit(instance, instance.connection.lifecycle.describe(callLimit(limits)));
    } catch (error) {
      if (!(error instanceof RpcError) || limits.signal.aborted) throw error;
      if (limits.deadline - performance.now() <= slowestPollMs) {
        throw instance.launched.error(
          'HEALTH_TIMEOUT',
          'The plugin did not say what it is in the time that it had to start.',
          { facts: { network, address }, cause: error },
        );
      }
      await untilExit(instance, sleep(slowestPollMs, undefined, { signal: limits.signal }));
    }
  }
}

/** `v1.2.3` and `1.2.3` are one version; `1.2.3+a` and `1.2.3+b` are two builds. */
function sameVersion(said: string, asked: string): boolean {
  return said === asked || (validVersion(said) !== null && compareBuild(said, asked) === 0);
}

/** Throws PluginError CONTRACT_NOT_SERVED if the plugin's reflection lacks a service of the contract. */
export async function proveContract(
  instance: Instance,
  { required }: GivenContract,
  limits: ProofLimits,
  logger: Logger,
): Promise<void> {
  const served = await untilExit(
    instance,
    instance.connection.services(callLimit(limits)).catch((error: unknown) => {
      logger.warn('the plugin could not be asked for its services', {
        ...instance.origin,
        error: String(error),
      });
      return undefined;
    }),
  );
  if (served === undefined) return;
  const missing = required.filter((name) => !served.includes(name));
  if (missing.length === 0) return;
  throw instance.launched.error('CONTRACT_NOT_SERVED', `The plugin does not serve ${missing.join(', ')}.`, {
    facts: { missing, served },
  });
}

function callLimit(limits: ProofLimits): { timeoutMs: number; signal: AbortSignal } {
  const timeoutMs = Math.max(1, Math.min(limits.deadline - performance.now(), healthTimeoutMs));
  return { timeoutMs, signal: limits.signal };
}

function isTimeout(instance: Instance, answer: { error: unknown }): boolean {
  return connectFailure(answer.error, instance.connection.tls).code === 'HEALTH_TIMEOUT';
}

function refused(
  instance: Instance,
  answer: Exclude<HealthAnswer, { status: 'serving' | 'unknown' }>,
): PluginError {
  const { network, address } = instance.launched.record;
  if (answer.status === 'not-serving') {
    return instance.launched.error(
      'HEALTH_NOT_SERVING',
      `The plugin reported ${answer.reported} until its time to start was over.`,
      { facts: { reported: answer.reported } },
    );
  }
  const { code, summary } = connectFailure(answer.error, instance.connection.tls);
  return instance.launched.error(code, summary, { facts: { network, address }, cause: answer.error });
}

/** Waits for an answer of the plugin, but not longer than the plugin lives. */
async function untilExit<T>(instance: Instance, work: Promise<T>): Promise<T> {
  const { launched } = instance;
  const exit = launched.exited.then(async () => {
    await launched.outputEnded;
    const how = describeExit(await launched.exited);
    throw launched.error(
      'PLUGIN_EXITED',
      `The plugin ended with ${how} after its handshake, before it was ready.`,
    );
  });
  // Whichever loses the race may still reject; nobody waits for it then.
  exit.catch(() => {});
  work.catch(() => {});
  return Promise.race([work, exit]);
}
