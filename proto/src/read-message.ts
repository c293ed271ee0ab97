import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * Walks the bytes of a protobuf message: for each field of interest its bytes, or its number where it is a varint.
 * For whoever needs little of a message and nothing of a protobuf runtime.
 *
 * @throws Error if they are no message
 */
export function readMessage(
  bytes: Uint8Array,
  visit: Readonly<Record<number, (bytes: Uint8Array, value: number) => void>>,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const visitor = visit[field];
    if (visitor === undefined) reader.skip(wireType, field);
    else if (wireType === WireType.LengthDelimited) visitor(reader.bytes(), 0);
    else if (wireType === WireType.Varint) visitor(NO_BYTES, reader.int32());
    else reader.skip(wireType, field);
  }
}

const NO_BYTES = new Uint8Array(0);
