import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A field's bytes, or its number where it is a varint. */
export type FieldVisitor = (bytes: Uint8Array, value: number) => void;

/**
 * Walks the bytes of a protobuf message: its fields in their order, but for those of fixed width. For whoever needs
 * little of a message and nothing of a protobuf runtime.
 *
 * @throws Error if they are no message
 */
export function readFields(
  bytes: Uint8Array,
  visit: (field: number, ...value: Parameters<FieldVisitor>) => void,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) visit(field, reader.bytes(), 0);
    else if (wireType === WireType.Varint) visit(field, NO_BYTES, reader.int32());
    else reader.skip(wireType, field);
  }
}

/** As {@link readFields}, with a visitor for each field of interest. */
export function readMessage(bytes: Uint8Array, visit: Readonly<Record<number, FieldVisitor>>): void {
  readFields(bytes, (field, value, number) => visit[field]?.(value, number));
}

const NO_BYTES = new Uint8Array(0);
