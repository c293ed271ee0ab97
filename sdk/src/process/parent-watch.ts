const POLL_MS = 300;

/** Switches the watch off from outside. */
export const PLUGD_EXIT_WITH_PARENT = 'PLUGD_EXIT_WITH_PARENT';

// As early as can be: whoever had died before would not be missed.
const initialParent = process.ppid;

/** Calls back once when the process that started this one has gone: its place as parent goes to another. */
export function watchParent(
  onGone: () => void,
  parent: () => number = () => process.ppid,
  initial = initialParent,
): () => void {
  const timer = setInterval(() => {
    if (parent() === initial) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS).unref();
  return () => clearInterval(timer);
}
