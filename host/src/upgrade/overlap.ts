import { PluginError } from '@plugd/protocol/plugin-error';
import type { EmitEvent } from '../events/host-event';
import type { Instance } from '../instance/instance';
import type { PluginSpec } from '../instance/plugin-spec';
import { waitAtMost } from '../launch/wait-at-most';
import type { Platform } from '../platform/platform';
import type { Replica } from '../supervision/replica';
import type { Supervisor } from '../supervision/supervisor';
import { withInstanceCalls } from './instance-calls';
import type { OperationProgress } from './operation-handle';
import { OperationSteps } from './operation-steps';
import type { SideReport, UpgradeReport } from './report';
import type { UpgradeOptions } from './upgrade-options';

/** The plugin that is worked on, as far as an operation needs to know it. */
export interface OverlapTarget {
  readonly name: string;
  /** What is in the route now, or would be if an instance of it could be called. May change at any time. */
  readonly serving: Supervisor | undefined;
  /** What was last in the route. */
  readonly last: { readonly version: string; readonly generation: number };
  nextGeneration(): number;
  /** Makes the supervisor of a new generation. */
  supervise(spec: PluginSpec, generation: number): Supervisor;
  /** Puts the generation into the route; returns what was there. */
  swap(next: Supervisor): Supervisor | undefined;
  /** Nothing is left of what was in the route before. */
  retired(previous: Supervisor): void;
}

export interface OverlapOptions {
  readonly operation: 'upgrade' | 'restart';
  /** What the new one is to be, as far as it is known before `prepare`. */
  readonly version: string;
  /** Reads the options and finds the command. */
  readonly prepare: () => PluginSpec;
  readonly verify: UpgradeOptions['verify'];
  readonly dryRun: boolean;
  /** Gives the operation up, as long as it has not swapped. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: OperationProgress) => void;
}

export interface OverlapTools {
  readonly platform: Platform;
  readonly emit: EmitEvent;
}

/**
 * The overlap strategy: the new one is started beside the old one and proved; then one assignment sends all new
 * calls to it; then the old one finishes what it has and leaves. Until the swap nothing is done to the old one: any
 * failure ends the new one and throws, with the step's name among the facts.
 */
export async function overlap(
  target: OverlapTarget,
  options: OverlapOptions,
  tools: OverlapTools,
): Promise<UpgradeReport> {
  const { operation, signal } = options;
  const { platform } = tools;
  const last = target.last;
  const steps = new OperationSteps(
    { plugin: target.name, operation, fromVersion: last.version, toVersion: options.version },
    tools.emit,
    options.onProgress,
  );
  const hostMemoryBefore = process.memoryUsage.rss();
  const spec = await steps.run('prepare', options.prepare);
  const next = target.supervise(spec, target.nextGeneration());
  await next.start({ signal, runStep: steps.run });
  let serves = false;
  try {
    const { verify } = options;
    const { instance } = firstOf(next);
    if (verify) await steps.run('verify', () => runVerify(instance, verify, spec.startTimeoutMs, signal));
    const to = await side(instance, platform);
    const from = {
      ...last,
      pid: undefined,
      memoryBytes: undefined,
      ...(await sideOf(target.serving, platform)),
    };
    const report = (rest: Pick<UpgradeReport, 'outcome' | 'calls' | 'warnings'>): UpgradeReport => ({
      plugin: target.name,
      operation,
      from,
      to,
      steps: steps.done,
      totalMs: steps.elapsedMs,
      hostMemoryBytes: { before: hostMemoryBefore, after: process.memoryUsage.rss() },
      ...rest,
    });
    if (options.dryRun) {
      await steps.run('stop', () => next.stop({ reason: 'dry-run' }));
      return report({ outcome: 'verified', calls: noCalls, warnings: [] });
    }
    const previous = await steps.run('swap', async () => {
      await Promise.all(next.replicas.map((replica) => makeReady(replica.instance, spec, signal)));
      if (next.replicas.length < spec.instances) throw lostBefore(next);
      const swapped = target.swap(next);
      serves = true;
      return swapped;
    });
    // From here on the new one serves: nothing below may throw.
    const { calls, warnings } = await finish(target, previous, operation, steps);
    const longestWaitMs = next.generation.statistics.longestWaitMs;
    return report({ outcome: 'swapped', calls: { ...calls, longestWaitMs }, warnings });
  } catch (error) {
    if (!serves) await next.kill({ reason: 'refused' });
    throw error;
  }
}

/** The instance that stands for all of a generation that has just been started. */
function firstOf(next: Supervisor): Replica {
  const { first } = next;
  if (first === undefined) throw lostBefore(next);
  return first;
}

function lostBefore({ spec }: Supervisor): PluginError {
  return new PluginError(
    'PLUGIN_EXITED',
    `An instance of version ${spec.version} of plugin ${spec.name} exited before the swap.`,
  );
}

const noCalls = { drained: 0, cut: 0, failed: 0, longestWaitMs: 0 };

async function runVerify(
  instance: Instance,
  verify: NonNullable<UpgradeOptions['verify']>,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const abandoned = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: ended.signal });
    if (signal.aborted) reject(signal.reason);
    void instance.launched.exited.then(() =>
      reject(instance.launched.error('PLUGIN_EXITED', 'The new version exited while it was being verified.')),
    );
  });
  abandoned.catch(() => {});
  let verified: true | undefined;
  try {
    const work = withInstanceCalls(instance, 'The check of the new version has ended', verify).then(
      () => true as const,
    );
    work.catch(() => {});
    verified = await waitAtMost(Promise.race([work, abandoned]), limitMs);
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    // An exit shows as failed calls first: what the process did is the better explanation.
    await waitAtMost(instance.launched.exited, exitNoticeMs);
    if (instance.launched.exit !== undefined) {
      await instance.launched.outputEnded;
      throw instance.launched.error('PLUGIN_EXITED', 'The new version exited while it was being verified.', {
        cause: error,
      });
    }
    throw instance.launched.error(
      'VERIFY_FAILED',
      `The application's check refused the new version: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    ended.abort();
  }
  if (verified === undefined) {
    throw instance.launched.error(
      'VERIFY_FAILED',
      `The application's check of the new version did not end within ${limitMs} ms.`,
    );
  }
}

/** A broken connection is seen a little before the exit that broke it. */
const exitNoticeMs = 50;

/**
 * The last question before the swap: the process may have ended since it was proved, without anybody noticing yet. Its
 * answer also shows that the channel is READY when calls begin to use it.
 */
async function makeReady(instance: Instance, spec: PluginSpec, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw signal.reason;
  const { connection, launched } = instance;
  const answer = await connection.health({ timeoutMs: spec.startTimeoutMs, signal });
  if (signal.aborted) throw signal.reason;
  if (answer.status === 'failed') await waitAtMost(launched.exited, exitNoticeMs);
  if (launched.exit !== undefined) {
    throw launched.error('PLUGIN_EXITED', 'The new version exited before the swap.');
  }
  if (answer.status === 'failed') {
    throw launched.error('CONNECT_FAILED', 'The new version lost its connection before the swap.', {
      cause: answer.error,
    });
  }
  if (answer.status === 'not-serving') {
    throw launched.error(
      'HEALTH_NOT_SERVING',
      `The new version reported ${answer.reported} before the swap.`,
      {
        facts: { reported: answer.reported },
      },
    );
  }
}

/** Drains and stops what was in the route. What goes wrong here is reported, not thrown. */
async function finish(
  target: OverlapTarget,
  previous: Supervisor | undefined,
  operation: string,
  steps: OperationSteps,
): Promise<{ calls: Omit<UpgradeReport['calls'], 'longestWaitMs'>; warnings: PluginError[] }> {
  if (previous === undefined) return { calls: noCalls, warnings: [] };
  const before = previous.generation.statistics.lost;
  const cause = { reason: operation, message: `replaced by ${operation}` };
  const { drained, cut } = await steps.run('drain', () => previous.drain(cause));
  const failed = previous.generation.statistics.lost - before;
  const warnings: PluginError[] = [];
  await steps
    .run('stop', async () => {
      await previous.stop(cause);
      target.retired(previous);
    })
    .catch((error: unknown) => {
      warnings.push(
        error instanceof PluginError
          ? error
          : new PluginError('STOP_FAILED', `The old version could not be stopped: ${String(error)}`, {
              cause: error,
            }),
      );
    });
  return { calls: { drained: drained - failed, cut, failed }, warnings };
}

async function sideOf(
  supervisor: Supervisor | undefined,
  platform: Platform,
): Promise<SideReport | undefined> {
  const { first } = supervisor ?? {};
  return first === undefined ? undefined : side(first.instance, platform);
}

async function side(instance: Instance, platform: Platform): Promise<SideReport> {
  const { version, generation } = instance.identity;
  const { pid } = instance.launched.record;
  const usage = await platform.usage(pid);
  return { version, generation, pid, memoryBytes: usage?.memoryBytes };
}
