/** The types that a field may have, in the order of their numbers in descriptors, from 1. */
export const fieldTypes = [
  'double',
  'float',
  'int64',
  'uint64',
  'int32',
  'fixed64',
  'fixed32',
  'bool',
  'string',
  'group',
  'message',
  'bytes',
  'uint32',
  'enum',
  'sfixed32',
  'sfixed64',
  'sint32',
  'sint64',
] as const;

/** The ways in which a field may occur, in the order of their numbers in descriptors, from 1. */
export const fieldLabels = ['optional', 'required', 'repeated'] as const;

export interface FieldType {
  readonly name: string;
  readonly number: number;
  /** `unknown` where the declaration leaves it open whether the type that it names is a message or an enum. */
  readonly type: (typeof fieldTypes)[number] | 'unknown';
  /** Full name of the message or enum; undefined for the other types. */
  readonly typeName: string | undefined;
  readonly label: (typeof fieldLabels)[number];
  /** The oneof that it is in, by its place in the message. Absent: in none, or its message does not tell of them. */
  readonly oneof?: number;
}

export interface MessageType {
  /** With its package, and the messages that it is declared in. */
  readonly name: string;
  readonly fields: readonly FieldType[];
  /** Whether its fields tell of their oneofs. Libraries that decode descriptors leave open which fields are in the first. */
  readonly tellsOneofs: boolean;
  /** It is what a map is made of: key and value. */
  readonly mapEntry?: true;
}

export interface EnumType {
  /** With its package, and the messages that it is declared in. */
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
}
