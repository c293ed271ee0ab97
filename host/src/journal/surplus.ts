/** What is asked of an operation to know whether it may go. */
export interface Keepable {
  readonly plugin: string;
  readonly ended: boolean;
}

/** Which operations leave, now that one more has ended: the oldest, of its plugin and of all. They come the oldest first. */
export function surplus<T extends Keepable>(
  operations: readonly T[],
  ending: T,
  keep: { readonly perPlugin: number; readonly inAll: number },
): T[] {
  const ended = operations.filter((operation) => operation.ended && operation !== ending);
  const ofPlugin = ended.filter(({ plugin }) => plugin === ending.plugin);
  const leaving = new Set(ofPlugin.slice(0, Math.max(0, ofPlugin.length + 1 - keep.perPlugin)));
  const others = ended.filter((operation) => !leaving.has(operation));
  for (const operation of others.slice(0, Math.max(0, others.length + 1 - keep.inAll)))
    leaving.add(operation);
  return [...leaving];
}
