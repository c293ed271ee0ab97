import { BinaryReader } from '@bufbuild/protobuf/wire';
import { readMessage } from '@plugd/protocol/read-message';

/** What a method's `option (plugd.resumable)` says: fields by their names. */
export interface ResumableOption {
  /** Of the answer: says where the stream stands. */
  readonly token: string;
  /** Of the request: takes it. */
  readonly request: string;
}

/** What a contract says of a method's streams. */
export interface StreamOptions {
  readonly resumable?: ResumableOption;
  /** A call that is cut at the end of a drain counts as no failure. */
  readonly mayBeCut?: true;
}

// The extensions of google.protobuf.MethodOptions in plugd/options.proto.
const resumable = { field: 50710, name: '(plugd.resumable)' } as const;
const mayBeCut = { field: 50711, name: '(plugd.may_be_cut)' } as const;

/** How descriptors in bytes are read, by {@link streamOptionsOf}'s names. */
export const streamOptionFields = {
  [resumable.field]: [resumable.name, { 1: ['token', 'text'], 2: ['request', 'text'] }],
  [mayBeCut.field]: [mayBeCut.name, 'boolean'],
} as const;

/**
 * Of a method's decoded options. A library that does not know the options keeps them by their names, among the fields
 * that are unknown to it, or not at all.
 *
 * @throws Error if they are malformed
 */
export function streamOptionsOf(options: object | undefined): StreamOptions {
  if (options === undefined) return {};
  const resume = resumableOf(options);
  const cut: unknown =
    Reflect.get(options, mayBeCut.name) ?? unknownFields(options, mayBeCut.field).map(readBoolean).at(-1);
  return {
    ...(resume === undefined ? {} : { resumable: resume }),
    ...(cut === true ? { mayBeCut: true } : {}),
  };
}

function resumableOf(options: object): ResumableOption | undefined {
  const named: unknown = Reflect.get(options, resumable.name);
  if (typeof named === 'object' && named !== null) {
    return withDefault(Reflect.get(named, 'token'), Reflect.get(named, 'request'));
  }
  const parts = unknownFields(options, resumable.field);
  if (parts.length === 0) return undefined;
  let token = '';
  let request = '';
  for (const part of parts) {
    readMessage(new BinaryReader(part).bytes(), {
      1: (bytes) => {
        token = textOf(bytes);
      },
      2: (bytes) => {
        request = textOf(bytes);
      },
    });
  }
  return withDefault(token, request);
}

function withDefault(token: unknown, request: unknown): ResumableOption {
  const name = typeof token === 'string' ? token : '';
  return { token: name, request: typeof request === 'string' && request !== '' ? request : name };
}

/** ts-proto keeps such fields by their tags, protobuf-es in the order in which they came. Both without the tag. */
function unknownFields(options: object, field: number): Uint8Array[] {
  const byTag: unknown = Reflect.get(options, '_unknownFields');
  if (typeof byTag === 'object' && byTag !== null) {
    return Object.entries(byTag).flatMap(([tag, values]: [string, unknown]) =>
      Number(tag) >>> 3 === field && Array.isArray(values) ? values.filter(isBytes) : [],
    );
  }
  const inOrder: unknown = Reflect.get(options, '$unknown');
  if (!Array.isArray(inOrder)) return [];
  return inOrder
    .filter((one: unknown) => Reflect.get(Object(one), 'no') === field)
    .map((one: unknown) => Reflect.get(Object(one), 'data'))
    .filter(isBytes);
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const readBoolean = (bytes: Uint8Array): boolean => new BinaryReader(bytes).bool();
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
