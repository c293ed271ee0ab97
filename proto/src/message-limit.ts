/**
 * The largest message that either end takes from the other, in bytes: go-plugin's own limit. A larger one fails its
 * call with RESOURCE_EXHAUSTED as soon as its length is known, also where it is small until it is decompressed.
 */
export const MESSAGE_LIMIT_BYTES = 2 ** 31 - 1;
