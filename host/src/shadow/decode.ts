import { type DescField, type DescMessage, protoInt64, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** Texts stay bytes: they are compared more often than shown. */
export type Scalar = number | bigint | string | boolean | Uint8Array;
export type Value = Scalar | DecodedMessage | Value[] | Map<string, Value>;

/** A message without all that the wire leaves to who writes: order, packing, repetition. What its type doesn't know is left out. */
export class DecodedMessage {
  readonly fields = new Map<number, Value>();

  constructor(readonly type: DescMessage) {}
}

/** A message has more values than anybody wants to wait for. */
export class TooManyValues extends Error {}

const DEEPEST = 100;

/** How many values may still be read: two bytes of a stranger's become an object. */
export class ValueBudget {
  constructor(private left: number) {}

  take(): void {
    if (--this.left < 0) throw new TooManyValues('too many values');
  }
}

/** @throws Error if it is none, TooManyValues if it is beyond the budget */
export function decodeMessage(bytes: Uint8Array, type: DescMessage, budget: ValueBudget): DecodedMessage {
  const message = new DecodedMessage(type);
  readInto(message, new BinaryReader(bytes), budget, 0);
  return message;
}

function readInto(
  message: DecodedMessage,
  reader: BinaryReader,
  budget: ValueBudget,
  depth: number,
  group?: number,
): void {
  if (depth > DEEPEST) throw new Error('messages nested too deep');
  const fields = fieldsOf(message.type);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.EndGroup) {
      if (number !== group) throw new Error('an end of a group that did not begin');
      return;
    }
    budget.take();
    const field = fields.get(number);
    if (field === undefined || !readField(message, field, reader, wireType, budget, depth)) {
      reader.skip(wireType, number);
    }
  }
  if (group !== undefined) throw new Error('a group without an end');
}

/** False: its wire type is not the field's, so it is another field to whoever decodes it. */
function readField(
  message: DecodedMessage,
  field: DescField,
  reader: BinaryReader,
  wireType: WireType,
  budget: ValueBudget,
  depth: number,
): boolean {
  const { fields } = message;
  if (field.fieldKind === 'map') {
    if (wireType !== WireType.LengthDelimited) return false;
    const known = fields.get(field.number);
    const map = known instanceof Map ? known : new Map<string, Value>();
    fields.set(field.number, map);
    readEntry(map, field, new BinaryReader(reader.bytes()), budget, depth);
    return true;
  }
  if (field.message !== undefined) {
    if (wireType !== (field.delimitedEncoding ? WireType.StartGroup : WireType.LengthDelimited)) return false;
    const known = fields.get(field.number);
    // One that comes in parts is the sum of them.
    const part =
      field.fieldKind === 'message' && known instanceof DecodedMessage
        ? known
        : new DecodedMessage(field.message);
    if (field.delimitedEncoding) readInto(part, reader, budget, depth + 1, field.number);
    else readInto(part, new BinaryReader(reader.bytes()), budget, depth + 1);
    put(message, field, part);
    return true;
  }
  const scalar = field.scalar ?? ScalarType.INT32;
  if (wireType === wireTypeOf(scalar)) {
    put(message, field, readScalar(reader, scalar));
    return true;
  }
  if (field.fieldKind !== 'list' || wireType !== WireType.LengthDelimited) return false;
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len) {
    budget.take();
    put(message, field, readScalar(packed, scalar));
  }
  return true;
}

function put({ fields }: DecodedMessage, field: DescField, value: Value): void {
  if (field.fieldKind === 'list') {
    const list = fields.get(field.number);
    if (Array.isArray(list)) list.push(value);
    else fields.set(field.number, [value]);
    return;
  }
  for (const other of field.oneof?.fields ?? [])
    if (other.number !== field.number) fields.delete(other.number);
  fields.set(field.number, value);
}

function readEntry(
  map: Map<string, Value>,
  field: DescField & { fieldKind: 'map' },
  reader: BinaryReader,
  budget: ValueBudget,
  depth: number,
): void {
  let key = zeroOf(field.mapKey);
  const scalar = field.mapKind === 'scalar' ? field.scalar : ScalarType.INT32;
  let value: Value = field.message === undefined ? zeroOf(scalar) : new DecodedMessage(field.message);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    budget.take();
    if (number === 1 && wireType === wireTypeOf(field.mapKey)) key = readScalar(reader, field.mapKey);
    else if (number === 2 && value instanceof DecodedMessage && wireType === WireType.LengthDelimited)
      readInto(value, new BinaryReader(reader.bytes()), budget, depth + 1);
    else if (number === 2 && !(value instanceof DecodedMessage) && wireType === wireTypeOf(scalar))
      value = readScalar(reader, scalar);
    else reader.skip(wireType, number);
  }
  map.set(key instanceof Uint8Array ? textOf(key) : String(key), value);
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** What a field without presence has where it isn't written. */
export function zeroOf(scalar: ScalarType): Scalar {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return NO_BYTES;
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return protoInt64.zero;
    default:
      return 0;
  }
}

const NO_BYTES = new Uint8Array(0);

function wireTypeOf(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

function readScalar(reader: BinaryReader, scalar: ScalarType): Scalar {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return reader.bytes();
    case ScalarType.DOUBLE:
      return reader.double();
    case ScalarType.FLOAT:
      return reader.float();
    case ScalarType.INT64:
      return reader.int64();
    case ScalarType.UINT64:
      return reader.uint64();
    case ScalarType.INT32:
      return reader.int32();
    case ScalarType.FIXED64:
      return reader.fixed64();
    case ScalarType.FIXED32:
      return reader.fixed32();
    case ScalarType.BOOL:
      return reader.bool();
    case ScalarType.UINT32:
      return reader.uint32();
    case ScalarType.SFIXED32:
      return reader.sfixed32();
    case ScalarType.SFIXED64:
      return reader.sfixed64();
    case ScalarType.SINT32:
      return reader.sint32();
    case ScalarType.SINT64:
      return reader.sint64();
  }
}

/** By number; the registry has them by name alone. */
const fieldTables = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(type: DescMessage): ReadonlyMap<number, DescField> {
  let table = fieldTables.get(type);
  if (table === undefined) {
    table = new Map(type.fields.map((field) => [field.number, field]));
    fieldTables.set(type, table);
  }
  return table;
}
