import { PluginError } from '@plugd/protocol/plugin-error';
import type { Instance } from '../instance/instance';
import { waitAtMost } from '../launch/wait-at-most';
import { withInstanceCalls } from './instance-calls';
import { exitNoticeMs } from './make-ready';
import type { UpgradeOptions } from './upgrade-options';

/** A check of the host's own, by what it knows of a version beside its options. Throws PluginError. */
export type InstanceCheck = (instance: Instance, signal: AbortSignal) => Promise<void>;

/** Runs the application's own check. Throws PluginError VERIFY_FAILED, PLUGIN_EXITED. */
export function runVerify(
  instance: Instance,
  verify: NonNullable<UpgradeOptions['verify']>,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const work = async () => {
    await withInstanceCalls(instance, 'The check of the new version has ended', verify);
  };
  return tryOut(instance, { work, whose: "The application's check" }, limitMs, signal);
}

/** Runs a check of the host's own. Throws what that throws, VERIFY_FAILED (it does not end), PLUGIN_EXITED. */
export async function runCheck(
  instance: Instance,
  check: InstanceCheck,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const work = async () => {
    try {
      await check(instance, AbortSignal.any([signal, ended.signal]));
    } catch (error) {
      if (error instanceof PluginError) return error;
      throw error;
    }
    return undefined;
  };
  try {
    await tryOut(instance, { work, whose: "The manifest's check" }, limitMs, signal);
  } finally {
    ended.abort();
  }
}

/** @param work may resolve with the error that says best what is wrong */
async function tryOut(
  instance: Instance,
  { work, whose }: { readonly work: () => Promise<unknown>; readonly whose: string },
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
  let refusal: { readonly error: unknown } | undefined;
  try {
    const working = work().then((error) => ({ error }));
    working.catch(() => {});
    refusal = await waitAtMost(Promise.race([working, abandoned]), limitMs);
    if (refusal?.error instanceof PluginError) throw refusal.error;
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
    if (error === refusal?.error) throw error;
    throw instance.launched.error(
      'VERIFY_FAILED',
      `${whose} refused the new version: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    ended.abort();
  }
  if (refusal === undefined) {
    throw instance.launched.error(
      'VERIFY_FAILED',
      `${whose} of the new version did not end within ${limitMs} ms.`,
    );
  }
}
