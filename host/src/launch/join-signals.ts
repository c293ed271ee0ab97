import { setMaxListeners } from 'node:events';

/**
 * A signal that fires with the first of several, until it is released. In Node 20 each `AbortSignal.any()` leaves something
 * with its signals for as long as these live, which of a host's own is its whole life.
 */
export function joinSignals(signals: readonly AbortSignal[]): {
  readonly signal: AbortSignal;
  readonly release: () => void;
} {
  const joined = new AbortController();
  // As many wait for a signal as there are starts under way: Node would take more than ten for a leak.
  setMaxListeners(0, ...signals);
  const follow = signals.map((signal) => ({ signal, abort: () => joined.abort(signal.reason) }));
  for (const { signal, abort } of follow) {
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }
  const release = (): void => {
    for (const { signal, abort } of follow) signal.removeEventListener('abort', abort);
  };
  return { signal: joined.signal, release };
}
