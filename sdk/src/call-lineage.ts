import type { Metadata } from '@grpc/grpc-js';
import { LINEAGE_KEY, readLineage, withLineageKey } from '@plugd/protocol/rpc/lineage';
import { type CallScope, LineageContext } from '@plugd/protocol/rpc/lineage-context';

/** Hands what a call from the host descends from on to the calls that its handler makes to the host. */
export class CallLineage {
  readonly #context = new LineageContext();

  /** For services: the scope of a call that comes in. */
  readonly scope = (metadata: Metadata): CallScope | undefined => this.#context.begin(readLineage(metadata));

  /** For channels to the host: what a call sends along. What the author says himself stands. */
  readonly carry = (metadata: Metadata): Metadata => {
    const lineage = this.#context.current;
    if (lineage === undefined || metadata.get(LINEAGE_KEY).length > 0) return metadata;
    return withLineageKey(metadata, lineage);
  };
}
