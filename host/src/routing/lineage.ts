import type { Metadata } from '@grpc/grpc-js';
import { Lineage, readLineage, withLineageKey } from '@plugd/protocol/rpc/lineage';
import { type CallScope, LineageContext } from '@plugd/protocol/rpc/lineage-context';

export type { Lineage } from '@plugd/protocol/rpc/lineage';
export { withLineageKey } from '@plugd/protocol/rpc/lineage';

const context = new LineageContext();

/**
 * What a call that starts now descends from: calls in flight, each with a generation that a drain keeps for it.
 * Undefined outside of any, which costs one comparison until the first pinned scope.
 */
export function currentLineage(): Lineage | undefined {
  return context.current;
}

/** The lineage of a pinned scope, and of what the plugin calls back through it. */
export class PinnedLineage {
  readonly #own: Lineage;
  readonly #signal: AbortSignal;

  /** @param signal fires when the scope has ended, or is cut */
  constructor(plugin: string, generation: number, signal: AbortSignal) {
    this.#own = Lineage.of(plugin, generation);
    this.#signal = signal;
  }

  /** Runs the work of the scope inside its lineage. */
  run<T>(work: () => T): T {
    const scope = context.begin(this.#own.over(context.current));
    if (this.#signal.aborted) scope.end();
    else this.#signal.addEventListener('abort', () => scope.end(), { once: true });
    return scope.enter(work);
  }

  /**
   * For a service that the plugin may call from now on: makes the scope of each such call. Whose broker it came through
   * and where it was offered is what the host knows; what the call says of itself is the plugin's word, and counts less.
   */
  serving(): (metadata: Metadata) => CallScope {
    const known = this.#own.over(context.current);
    return (metadata) => context.begin(known.over(readLineage(metadata)));
  }

  /** For calls to what the plugin serves. */
  carry(metadata: Metadata): Metadata {
    const lineage = context.current;
    return lineage === undefined ? metadata : withLineageKey(metadata, lineage);
  }
}
