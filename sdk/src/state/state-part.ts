import type { StateDescription } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Logger } from '../logger';
import { readSnapshot, type Snapshot, type SnapshotPart, writeSnapshot } from './snapshot';
import { StateCodec } from './state-codec';
import { DEFAULT_MAX_STATE_BYTES, type StateDefinition } from './state-definition';

/** What a plugin's code has of its state. */
export interface StateHandle<State> {
  /**
   * The state. It may be changed in place or replaced. Read it anew in each call: until the plugin is activated, the
   * state of the version before it may come in its place.
   * @throws PluginError OPTIONS_INVALID in a plugin that declares no state
   */
  value: State;
}

/** The state of one plugin: in memory, and as the parts of a snapshot. */
export class StatePart implements StateHandle<unknown> {
  value: unknown;
  readonly #definition: StateDefinition<unknown>;
  readonly #codec: StateCodec;

  /** @throws what the definition's `initial` throws */
  constructor(definition: StateDefinition<unknown>, log: Logger) {
    this.#definition = definition;
    this.#codec = new StateCodec(definition, log);
    this.value = definition.initial();
  }

  get description(): StateDescription {
    const { schema, shareable = false, snapshotEveryMs = 0 } = this.#definition;
    return { schema, restores: [...this.#codec.schemas], shareable, snapshotEveryMs };
  }

  /** As it is now: changes from here on don't show in it. */
  snapshot(): Generator<SnapshotPart> {
    return writeSnapshot(this.#definition.schema, this.#codec.encode(this.value));
  }

  /** Reads a snapshot; `take` makes it the plugin's state. */
  async read(parts: AsyncIterable<SnapshotPart>): Promise<{ sha256: Buffer; take: () => void }> {
    const snapshot = await this.#arrived(parts);
    const state = this.#codec.read(snapshot.bytes, snapshot.schema);
    return {
      sha256: snapshot.sha256,
      take: () => {
        this.value = state;
      },
    };
  }

  /** How the state differs from that of a snapshot, without its content; undefined if it doesn't. */
  async compare(parts: AsyncIterable<SnapshotPart>): Promise<string | undefined> {
    const { bytes, schema } = await this.#arrived(parts);
    return this.#codec.difference(this.value, bytes, schema);
  }

  #arrived(parts: AsyncIterable<SnapshotPart>): Promise<Snapshot> {
    const maxBytes = this.#definition.maxBytes ?? DEFAULT_MAX_STATE_BYTES;
    return readSnapshot(parts, maxBytes, (schema) => this.#codec.checkSchema(schema));
  }
}

/** {@link StateHandle} of a plugin that declares none. */
export const noState: StateHandle<unknown> = {
  get value(): never {
    throw undeclared();
  },
  set value(_value: unknown) {
    throw undeclared();
  },
};

function undeclared(): PluginError {
  return new PluginError('OPTIONS_INVALID', 'ctx.state is there for a plugin that declares state.', {
    facts: { option: 'state' },
  });
}
