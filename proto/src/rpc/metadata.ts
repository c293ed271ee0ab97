import { Metadata, type MetadataValue } from '@grpc/grpc-js';

/** Metadata, or its entries as a plain object; keys that end with `-bin` take Buffers. */
export type MetadataInit = Metadata | Readonly<Record<string, MetadataValue | readonly MetadataValue[]>>;

/** A Metadata of our own with these entries: what the caller gave is never changed. */
export function toMetadata(init: MetadataInit | undefined): Metadata {
  if (init === undefined) return new Metadata();
  if (isMetadata(init)) return init.clone();
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(init)) {
    for (const one of Array.isArray(value) ? value : [value]) metadata.add(key, one);
  }
  return metadata;
}

/** By shape and not by class: it may come from another copy of grpc-js. */
export function isMetadata(value: unknown): value is Metadata {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'clone') === 'function' &&
    typeof Reflect.get(value, 'getMap') === 'function'
  );
}
