import { CounterStateV1, CounterStateV2 } from '@plugd/protocol/gen/samples/counter/v1/state';
import type { StateDefinition } from '@plugd/sdk';

/** One number a key. */
export type Numbers = Map<string, number>;

/**
 * What the counter keeps, as its version writes it: versions 1 in schema 1, versions 2 in schema 2, and each reads both. Version 3
 * is one that a host must not let in: it reads nothing of what was written before it.
 */
export function numbersOf(version: string): StateDefinition<Numbers> {
  if (version.startsWith('1.')) return first;
  return version.startsWith('2.') ? second : forgetful;
}

const first: StateDefinition<Numbers> = {
  schema: 1,
  initial: () => new Map(),
  encode: (numbers) => {
    const entries = inOrder(numbers);
    return CounterStateV1.encode({
      keys: entries.map(([key]) => key),
      values: entries.map(([, value]) => value),
    }).finish();
  },
  decode: (bytes, schema) =>
    schema === 1 ? fromFirst(CounterStateV1.decode(bytes)) : CounterStateV2.decode(bytes),
  migrate: { 2: fromSecond },
};

const second: StateDefinition<Numbers> = {
  schema: 2,
  initial: () => new Map(),
  encode: (numbers) =>
    CounterStateV2.encode({ entries: inOrder(numbers).map(([key, value]) => ({ key, value })) }).finish(),
  decode: (bytes, schema) =>
    schema === 2 ? fromSecond(CounterStateV2.decode(bytes)) : CounterStateV1.decode(bytes),
  migrate: { 1: fromFirst },
};

const forgetful: StateDefinition<Numbers> = { ...second, schema: 3, migrate: {} };

function fromFirst({ keys, values }: CounterStateV1): Numbers {
  if (keys.length !== values.length) throw new Error(`${keys.length} keys have ${values.length} values`);
  return new Map(keys.map((key, index) => [key, values[index] ?? 0]));
}

function fromSecond({ entries }: CounterStateV2): Numbers {
  return new Map(entries.map(({ key, value }) => [key, value]));
}

/** By the keys' bytes, as in every language: JavaScript's own order of texts is another. */
function inOrder(numbers: Numbers): [string, number][] {
  return [...numbers]
    .map(([key, value]) => ({ key, value, bytes: Buffer.from(key) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ key, value }) => [key, value]);
}
