import { status } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import { Contract } from '../../../host/src/contract/contract';
import { type Answer, AnswerComparer, type AnswerRules } from '../../../host/src/shadow/compare-answers';
import { TooManyValues } from '../../../host/src/shadow/decode';
import type { AnswerDifference } from '../../../host/src/shadow/difference';
import { FieldPaths } from '../../../host/src/shadow/field-paths';
import { Redaction } from '../../../host/src/shadow/redaction';
import { testProperty } from '../../support/property-test';
import { type AnswerWriter, testContract, wire } from './dynamic-messages';

const GET = '/test.v1.Test/Get';

interface Named {
  readonly ignore?: readonly string[];
  readonly reveal?: readonly string[];
  readonly revealRequest?: readonly string[];
  readonly compareDetails?: boolean;
}

function comparer(named: Named = {}, contract: Contract = testContract): AnswerComparer {
  const rules: AnswerRules = {
    ignore: new FieldPaths(named.ignore ?? []),
    reveal: new FieldPaths(named.reveal ?? []),
    revealRequest: new FieldPaths(named.revealRequest ?? []),
    compareDetails: named.compareDetails ?? false,
  };
  return new AnswerComparer(contract, rules, new Redaction(Buffer.from('salt')));
}

const ok = (message: Uint8Array): Answer => ({ code: status.OK, details: '', message });

const fails = (code: status, details = ''): Answer => ({ code, details, message: undefined });

function differences(old: Uint8Array, other: Uint8Array, named?: Named): readonly AnswerDifference[] {
  return comparer(named).differences(GET, ok(old), ok(other));
}

const found = (old: Uint8Array, other: Uint8Array, named?: Named): string[] =>
  differences(old, other, named).map(({ field, kind }) => `${field} ${kind}`);

describe('what means the same agrees', () => {
  test('in any order of fields', () => {
    const one = wire((writer) => writer.string(1, 'a').int32(2, 3));
    const two = wire((writer) => writer.int32(2, 3).string(1, 'a'));
    expect(found(one, two)).toEqual([]);
  });

  test('packed or not', () => {
    const one = wire((writer) => writer.packed(4, [1, 2]).int32(4, 3));
    const two = wire((writer) => writer.int32(4, 1).packed(4, [2, 3]));
    expect(found(one, two)).toEqual([]);
  });

  test('with defaults written or left out, where the field has no presence', () => {
    const one = wire((writer) => writer.string(1, '').int32(2, 0).double(3, 0).int32(11, 0).int32(12, 0));
    expect(found(one, new Uint8Array(0))).toEqual([]);
  });

  test('with entries of a map in any order, the last of one key counting', () => {
    const entry = (key: string, value: number) => (writer: AnswerWriter) =>
      writer.string(1, key).int32(2, value);
    const one = wire((writer) => writer.message(6, entry('a', 1)).message(6, entry('b', 2)));
    const two = wire((writer) =>
      writer
        .message(6, entry('b', 9))
        .message(6, (map) => map.int32(2, 2).string(1, 'b'))
        .message(6, entry('a', 1)),
    );
    expect(found(one, two)).toEqual([]);
  });

  test('with a message in parts', () => {
    const one = wire((writer) => writer.message(10, (part) => part.int32(1, 7).string(2, 'x')));
    const two = wire((writer) =>
      writer.message(10, (part) => part.int32(1, 3).string(2, 'x')).message(10, (part) => part.int32(1, 7)),
    );
    expect(found(one, two)).toEqual([]);
  });

  test('with another member of a oneof before the one that counts', () => {
    const one = wire((writer) => writer.int32(9, 5));
    const two = wire((writer) => writer.string(8, 'before').int32(9, 5));
    expect(found(one, two)).toEqual([]);
  });

  test('NaN is NaN, in whichever bits', () => {
    const quiet = Buffer.from(wire((writer) => writer.double(3, Number.NaN)));
    const other = Buffer.from(quiet);
    other[1] = 1;
    expect(quiet.equals(other)).toBe(false);
    expect(found(quiet, other)).toEqual([]);
  });

  test('with fields that the old contract does not know', () => {
    const one = wire((writer) => writer.int32(2, 1));
    const two = wire((writer) => writer.int32(2, 1).string(99, 'new').int32(100, 7));
    expect(found(one, two)).toEqual([]);
  });

  test('packed in an Any, written in another order', () => {
    const anyOf = (value: Uint8Array) => (writer: AnswerWriter) =>
      writer.string(1, 'type.googleapis.com/test.v1.Item').string(2, Buffer.from(value).toString('latin1'));
    const one = wire((writer) => writer.message(13, anyOf(wire((part) => part.int32(1, 7).string(2, 'x')))));
    const two = wire((writer) => writer.message(13, anyOf(wire((part) => part.string(2, 'x').int32(1, 7)))));
    const other = wire((writer) => writer.message(13, anyOf(wire((part) => part.int32(1, 8)))));
    expect(found(one, two)).toEqual([]);
    expect(found(one, other)).toEqual(['packed.id value', 'packed.label value']);
  });
});

describe('what means something else does not', () => {
  test('a value', () => {
    const one = wire((writer) => writer.int32(2, 1).string(1, 'a'));
    expect(
      found(
        one,
        wire((writer) => writer.int32(2, 2).string(1, 'a')),
      ),
    ).toEqual(['count value']);
  });

  test('a value that one leaves out', () => {
    const one = wire((writer) => writer.int32(2, 1));
    expect(found(one, new Uint8Array(0))).toEqual(['count value']);
    expect(found(new Uint8Array(0), one)).toEqual(['count value']);
  });

  test('presence, where the field has one', () => {
    const empty = new Uint8Array(0);
    expect(
      found(
        wire((writer) => writer.int32(7, 0)),
        empty,
      ),
    ).toEqual(['limit missing']);
    expect(
      found(
        empty,
        wire((writer) => writer.string(8, '')),
      ),
    ).toEqual(['text added']);
    expect(
      found(
        wire((writer) => writer.message(10, (part) => part)),
        empty,
      ),
    ).toEqual(['item missing']);
  });

  test('the order and length of a list', () => {
    const one = wire((writer) => writer.packed(4, [1, 2]));
    expect(
      found(
        one,
        wire((writer) => writer.packed(4, [2, 1])),
      ),
    ).toEqual(['numbers.0 value', 'numbers.1 value']);
    expect(
      found(
        one,
        wire((writer) => writer.packed(4, [1])),
      ),
    ).toEqual(['numbers length']);
  });

  test('deep inside', () => {
    const nested = (id: number) =>
      wire((writer) => writer.message(5, (one) => one.message(3, (child) => child.int32(1, id))));
    expect(found(nested(1), nested(2))).toEqual(['items.0.child.id value']);
  });

  test('one that is no message at all', () => {
    expect(
      found(
        wire((writer) => writer.int32(2, 1)),
        Buffer.from([0x0a, 0x7f]),
      ),
    ).toEqual([' undecodable']);
  });

  test('no more is told than is of interest', () => {
    const list = (first: number) =>
      wire((writer) =>
        writer.packed(
          4,
          Array.from({ length: 50 }, (_, index) => first + index),
        ),
      );
    expect(differences(list(0), list(1))).toHaveLength(10);
  });
});

describe('fields that do not count', () => {
  const items = (id: number, label: string) =>
    wire((writer) => writer.message(5, (one) => one.int32(1, id).string(2, label)));

  test('are named by the way to them, or by their full name', () => {
    for (const ignore of ['items.*.id', 'items.0.id', 'test.v1.Item.id', 'items', 'items.*', '*']) {
      expect(found(items(1, 'a'), items(2, 'a'), { ignore: [ignore] })).toEqual([]);
    }
    for (const ignore of ['id', 'items.id', 'items.1.id', 'test.v1.Answer.id']) {
      expect(found(items(1, 'a'), items(2, 'a'), { ignore: [ignore] })).toEqual(['items.0.id value']);
    }
    expect(found(items(1, 'a'), items(2, 'b'), { ignore: ['items.*.id'] })).toEqual(['items.0.label value']);
  });
});

describe('statuses', () => {
  const differ = (old: Answer, other: Answer, named?: Named): string[] =>
    comparer(named)
      .differences(GET, old, other)
      .map(({ kind, old: one, new: two }) => `${kind} ${one} ${two}`);

  test('have to be the same, and their details only where that is asked', () => {
    expect(differ(fails(status.NOT_FOUND, 'a'), fails(status.NOT_FOUND, 'b'))).toEqual([]);
    expect(differ(fails(status.NOT_FOUND), fails(status.INTERNAL))).toEqual(['status NOT_FOUND INTERNAL']);
    expect(differ(fails(status.NOT_FOUND), ok(new Uint8Array(0)))).toEqual(['status NOT_FOUND OK']);
    const [detailed] = differ(fails(status.NOT_FOUND, 'secret'), fails(status.NOT_FOUND, 'b'), {
      compareDetails: true,
    });
    expect(detailed).toMatch(/^details string of 6 bytes ~\w{8} string of 1 byte ~\w{8}$/);
  });
});

describe('what is told of values', () => {
  const secret = (name: string, count: number, key: string) =>
    wire((writer) =>
      writer
        .string(1, name)
        .int32(2, count)
        .message(6, (entry) => entry.string(1, key).int32(2, count)),
    );

  test('is type, length and a mark that equal values share', () => {
    const told = differences(secret('sesame', 4711, 'inner'), secret('mustard', 4712, 'inner'));
    expect(JSON.stringify(told)).not.toMatch(/sesame|mustard|471[12]|inner/);
    const [name, count, label] = told;
    expect(name?.old).toMatch(/^string of 6 bytes ~\w{8}$/);
    expect(count?.old).toMatch(/^int32 ~\w{8}$/);
    expect(count?.old).toBe(label?.old);
    expect(label?.field).toMatch(/^labels\.~\w{8}$/);
  });

  test('is the value of what may be shown', () => {
    const told = differences(secret('sesame', 4711, 'inner'), secret('mustard', 4712, 'inner'), {
      reveal: ['name', 'test.v1.Answer.labels'],
    });
    expect(told.map(({ field, old }) => `${field} ${old}`)).toEqual([
      'name "sesame"',
      expect.stringMatching(/^count int32 ~/),
      'labels.inner 4711',
    ]);
  });

  test('is nothing of the request, unless it may be shown', () => {
    const request = wire((writer) => writer.string(1, 'the key'));
    expect(comparer().revealed(GET, request)).toBeUndefined();
    expect(comparer({ revealRequest: ['key'] }).revealed(GET, request)).toEqual({ key: '"the key"' });
    expect(comparer({ revealRequest: ['test.v1.Question.key'] }).revealed(GET, request)).toEqual({
      key: '"the key"',
    });
  });
});

test('without descriptors bytes are compared, and that is said', () => {
  const bare = new Contract({ services: testContract.services });
  const one = wire((writer) => writer.string(1, 'a').int32(2, 3));
  const two = wire((writer) => writer.int32(2, 3).string(1, 'a'));
  const compared = comparer({}, bare);
  expect(compared.comparedAs(GET)).toBe('bytes');
  expect(comparer().comparedAs(GET)).toBe('message');
  expect(compared.differences(GET, ok(one), ok(one))).toEqual([]);
  expect(compared.differences(GET, ok(one), ok(two))[0]?.kind).toBe('bytes');
});

test('what takes too long to compare is given up', () => {
  const many = (last: number) =>
    wire((writer) => writer.packed(4, [...Array.from({ length: 30_000 }, () => 1), last]));
  expect(() => differences(many(1), many(2))).toThrow(TooManyValues);
});

/** One answer of any content, with the pieces that it can be written from in any order. */
const content = fc.record({
  name: fc.string(),
  count: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  ratio: fc.double(),
  numbers: fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 5 }),
  labels: fc.dictionary(fc.string({ maxLength: 3 }), fc.integer({ min: 0, max: 9 }), { maxKeys: 4 }),
  items: fc.array(fc.record({ id: fc.integer({ min: 0, max: 9 }), label: fc.string() }), { maxLength: 3 }),
});

type Content = typeof content extends fc.Arbitrary<infer C> ? C : never;
type Piece = (writer: AnswerWriter) => AnswerWriter;

/** Pieces that stay in their order among each other stand in one list. */
function pieces({ name, count, ratio, numbers, labels, items }: Content, packed: boolean): Piece[][] {
  return [
    [(writer) => writer.string(1, name)],
    [(writer) => writer.int32(2, count)],
    [(writer) => writer.double(3, ratio)],
    packed
      ? [(writer) => writer.packed(4, numbers)]
      : numbers.map(
          (number): Piece =>
            (writer) =>
              writer.int32(4, number),
        ),
    ...Object.entries(labels).map(([key, value]): Piece[] => [
      (writer) => writer.message(6, (entry) => entry.int32(2, value).string(1, key)),
    ]),
    items.map(
      ({ id, label }): Piece =>
        (writer) =>
          writer.message(5, (item) => item.string(2, label).int32(1, id)),
    ),
  ];
}

/** Written with the lists of pieces merged as the choices say. */
function written(lists: readonly (readonly Piece[])[], choices: readonly number[]): Uint8Array {
  const left = lists.map((list) => [...list]).filter((list) => list.length > 0);
  let turn = 0;
  return wire((writer) => {
    while (left.length > 0) {
      const index = (choices[turn++ % choices.length] ?? 0) % left.length;
      const list = left[index] ?? [];
      list.shift()?.(writer);
      if (list.length === 0) left.splice(index, 1);
    }
    return writer;
  });
}

const order = fc.array(fc.nat(20), { minLength: 1, maxLength: 30 });

testProperty(
  'one answer written in two ways agrees with itself',
  fc.property(content, order, order, (answer, first, second) => {
    const one = written(pieces(answer, true), first);
    const two = written(pieces(answer, false), second);
    expect(differences(one, two)).toEqual([]);
  }),
);

testProperty(
  'whatever differs is found, in the field in which it does',
  fc.property(content, order, fc.constantFrom('name', 'count', 'items'), (answer, ways, field) => {
    const other = {
      ...answer,
      ...(field === 'name' ? { name: `${answer.name}!` } : {}),
      ...(field === 'count' ? { count: answer.count === 7 ? 8 : 7 } : {}),
      ...(field === 'items' ? { items: [...answer.items, { id: 1, label: '' }] } : {}),
    };
    const told = differences(written(pieces(answer, true), ways), written(pieces(other, false), ways));
    expect(told.map((one) => one.field)).toEqual([field]);
    expect(
      differences(written(pieces(answer, true), ways), written(pieces(other, false), ways), {
        ignore: [field],
      }),
    ).toEqual([]);
  }),
);

testProperty(
  'no bytes make it throw anything but that they are too many',
  fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (one, two) => {
    expect(Array.isArray(differences(one, two))).toBe(true);
  }),
);
