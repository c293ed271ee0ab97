import type { Instance } from '../instance/instance';
import { waitAtMost } from '../launch/wait-at-most';
import { withInstanceCalls } from './instance-calls';
import { exitNoticeMs } from './make-ready';
import type { UpgradeOptions } from './upgrade-options';

/** Runs the application's own check. Throws PluginError VERIFY_FAILED, PLUGIN_EXITED. */
export async function runVerify(
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
