/** What a stream of messages may be given as. */
export type MessageSource<T> = AsyncIterable<T> | Iterable<T>;

export type MessageIterator<T> = AsyncIterator<T> | Iterator<T>;

/** @throws TypeError if the value cannot be iterated. */
export function openIterator(source: unknown, what: string): MessageIterator<unknown> {
  if (typeof source === 'object' && source !== null) {
    if (isAsyncIterable(source)) return source[Symbol.asyncIterator]();
    if (isIterable(source)) return source[Symbol.iterator]();
  }
  throw new TypeError(`${what} must be an AsyncIterable, such as an async generator gives`);
}

/** Tells an iterator that nothing more will be asked of it. Resolves with what it threw on that occasion. */
export async function closeIterator(iterator: MessageIterator<unknown>): Promise<unknown> {
  try {
    await iterator.return?.();
    return undefined;
  } catch (error) {
    return error;
  }
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value;
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value;
}
