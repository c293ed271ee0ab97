import type { Logger } from '../logger';

const GRACEFUL: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * A terminal sends SIGINT to the host and its plugins alike; it is the host that decides, so plugins ignore
 * it, as go-plugin's do. Other requests to leave are followed.
 * @param options `interruptible` for a plugin that somebody runs by hand, and ends with Ctrl-C
 */
export function handleSignals(
  log: Logger,
  onLeave: (why: string) => void,
  { interruptible }: { readonly interruptible: boolean },
): void {
  for (const signal of GRACEFUL) process.on(signal, () => onLeave(`received ${signal}`));
  if (interruptible) {
    process.on('SIGINT', () => onLeave('received SIGINT'));
    return;
  }
  let interrupts = 0;
  process.on('SIGINT', () => {
    log.trace('plugin received interrupt signal, ignoring', { count: ++interrupts });
  });
}
