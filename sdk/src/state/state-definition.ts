import { check } from '../option-check';

/** The largest snapshot that a plugin takes over unless it says otherwise, in bytes. */
export const DEFAULT_MAX_STATE_BYTES = 256 * 1024 * 1024;

/**
 * The state that a plugin keeps in memory and that the next version takes over from it.
 *
 * It travels as bytes, which another version reads, perhaps in another language. Without `encode` and `decode` they are
 * JSON in a fixed form (RFC 8785), and the state may hold what JSON holds: plain objects, lists, texts, finite
 * numbers, true, false and null.
 */
// Methods, not function properties, on purpose: only so may the definition of one state stand where that of any is asked for.
export interface StateDefinition<State> {
  /** The number of the form that the bytes have: a whole number from 1. Count it up when the form changes. */
  readonly schema: number;
  /** The state of a plugin that takes over none. Called once, before setup. */
  initial(): State;
  /** The state as bytes, which must not change later. Default: JSON. Goes together with `decode`. */
  encode?(state: State): Uint8Array;
  /**
   * What the bytes of a schema mean: of this one, or of one that `migrate` names. Throws if they mean nothing. Default: JSON.
   * @returns a state, or for another schema what `migrate` takes
   */
  decode?(bytes: Buffer, schema: number): unknown;
  /**
   * By the number of another schema: what makes of its decoded state that of the next schema on the way to this one.
   * With `{ 1: …, 2: … }` in schema 3 a state of schema 1 goes through both. Numbers above this schema lead back from
   * newer versions, down to it in the same way. Default: none.
   */
  readonly migrate?: Migrations;
  /**
   * Whether what was restored is what was given; both are in this schema. Default: whether their bytes are the same, so
   * that `encode` must give equal bytes for equal states.
   */
  equal?(restored: State, given: State): boolean;
  /** Two versions may serve at the same time, each with its own state. Default: false. */
  readonly shareable?: boolean;
  /** The host is to keep a snapshot this often, in milliseconds, for a crash. 0 (default): never. */
  readonly snapshotEveryMs?: number;
  /** The largest snapshot that is taken over, in bytes. Default: 256 MiB. */
  readonly maxBytes?: number;
}

/** See {@link StateDefinition.migrate}. */
export interface Migrations {
  readonly [fromSchema: number]: Migration;
}

/** One step from a schema to the next; say the older type with its parameter. */
export type Migration = { step(older: unknown): unknown }['step'];

const UINT32_MAX = 2 ** 32 - 1;

/** @throws PluginError OPTIONS_INVALID */
export function checkState(state: StateDefinition<unknown> | undefined): void {
  if (state === undefined) return;
  check(typeof state === 'object' && state !== null, 'state', 'an object');
  check(isSchema(state.schema), 'state.schema', 'a whole number from 1');
  check(typeof state.initial === 'function', 'state.initial', 'a function');
  check(isOptional(state.encode, 'function'), 'state.encode', 'a function');
  check(isOptional(state.decode, 'function'), 'state.decode', 'a function');
  const pair = (state.encode === undefined) === (state.decode === undefined);
  check(pair, 'state.decode', 'given together with state.encode');
  check(isOptional(state.equal, 'function'), 'state.equal', 'a function');
  check(isOptional(state.shareable, 'boolean'), 'state.shareable', 'true or false');
  check(isUint32(state.snapshotEveryMs ?? 0), 'state.snapshotEveryMs', 'a whole number of milliseconds');
  const maxBytes = state.maxBytes ?? DEFAULT_MAX_STATE_BYTES;
  check(Number.isSafeInteger(maxBytes) && maxBytes >= 0, 'state.maxBytes', 'a whole number of bytes');
  checkMigrations(state);
}

function checkMigrations({ schema, migrate = {} }: StateDefinition<unknown>): void {
  check(typeof migrate === 'object' && migrate !== null, 'state.migrate', 'an object');
  for (const [from, migration] of Object.entries(migrate)) {
    const option = `state.migrate.${from}`;
    check(isSchema(Number(from)) && Number(from) !== schema, option, 'the number of another schema');
    check(typeof migration === 'function', option, 'a function');
  }
}

const isUint32 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= UINT32_MAX;
const isSchema = (value: number): boolean => isUint32(value) && value > 0;
const isOptional = (value: unknown, type: string): boolean => value === undefined || typeof value === type;
