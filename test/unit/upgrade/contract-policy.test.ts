import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Contract } from '../../../host/src/contract/contract';
import { type ContractSource, readContract } from '../../../host/src/contract/given-contract';
import type { ServiceContract } from '../../../host/src/contract/method-contract';
import { type ContractQuestion, judgeContract } from '../../../host/src/upgrade/contract-policy';

interface Draft {
  /** Methods of a service, by its full name. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Types of the fields of the one message that all methods take and give. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** Descriptors, as a library decodes them. */
function descriptors({ services = { 'a.S': ['Get', 'Put'] }, fields = { key: 'STRING' } }: Draft = {}) {
  const type = {
    name: 'types.proto',
    package: 'types',
    messageType: [
      {
        name: 'M',
        field: Object.entries(fields).map(([name, of], at) => ({ name, number: at + 1, type: `TYPE_${of}` })),
      },
    ],
  };
  const files = Object.entries(services).map(([full, methods]) => ({
    name: `${full}.proto`,
    package: full.split('.').slice(0, -1).join('.'),
    service: [
      {
        name: full.split('.').at(-1),
        method: methods.map((name) => ({ name, inputType: '.types.M', outputType: '.types.M' })),
      },
    ],
  }));
  return { file: [type, ...files] };
}

const told = (draft?: Draft): Contract => readContract(descriptors(draft)).contract;
const holds = (...sources: readonly ContractSource[]) => readContract(sources);
const nothing = readContract();

/** As generated code tells of a service: without types. */
const definition = (service: string, ...methods: readonly string[]): ContractSource =>
  Object.fromEntries(
    methods.map((name) => [
      name,
      {
        path: `/${service}/${name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: () => Buffer.alloc(0),
        requestDeserialize: () => ({}),
        responseSerialize: () => Buffer.alloc(0),
        responseDeserialize: () => ({}),
      },
    ]),
  );

const named = (...names: readonly string[]): Contract =>
  new Contract({ services: names.map((name): ServiceContract => ({ name, methods: [] })) });

const judged = (over: Partial<ContractQuestion>) =>
  judgeContract({
    plugin: 'kv',
    version: '2.0.0',
    old: told(),
    next: told(),
    given: nothing,
    policy: 'report',
    force: false,
    ...over,
  });
const broken = (...where: readonly string[]) =>
  expect.objectContaining({
    code: 'CONTRACT_BROKEN',
    facts: expect.objectContaining({
      changes: where.map((one) => expect.objectContaining({ where: one, breaking: true })),
      count: where.length,
    }),
  });

test('a version that changes nothing is checked, and nothing is said', () => {
  for (const policy of ['report', 'require'] as const) {
    expect(judged({ policy })).toEqual({ changes: [], unchecked: [], forced: false });
  }
});

test('what breaks nobody is in the report', () => {
  const next = told({
    services: { 'a.S': ['Get', 'Put', 'Delete'] },
    fields: { key: 'STRING', more: 'BOOL' },
  });
  const { changes } = judged({ next });
  expect(changes).toEqual([
    expect.objectContaining({ kind: 'field-added', where: 'types.M.more', breaking: false }),
    expect.objectContaining({ kind: 'method-added', where: '/a.S/Delete', breaking: false }),
  ]);
});

test.each<[string, Draft, string]>([
  ['a method is gone', { services: { 'a.S': ['Get'] } }, '/a.S/Put'],
  ['a service is gone', { services: { 'b.T': ['Get'] } }, 'a.S'],
  ['a field is of another type', { fields: { key: 'BYTES' } }, 'types.M.key'],
])(
  '%s, against the old version or against what the application holds: refused by name',
  (_, draft, where) => {
    const next = told(draft);
    expect(() => judged({ next })).toThrow(broken(where));
    expect(() => judged({ next, old: undefined, given: holds(descriptors()) })).toThrow(broken(where));
    // Both find it: it is said once.
    expect(() => judged({ next, given: holds(descriptors()) })).toThrow(broken(where));
  },
);

test('what the application gave does not hide what the plugin changed', () => {
  const given = holds(descriptors({ fields: { key: 'BYTES' } }));
  expect(() => judged({ next: told({ fields: { key: 'BYTES' } }), given })).toThrow(broken('types.M.key'));
  // Nor the other way: the two versions agree, and the application has it otherwise.
  expect(() => judged({ given })).toThrow(broken('types.M.key'));
});

test('of what the application holds only what it asks of the plugin counts', () => {
  const set = descriptors({ services: { 'a.S': ['Get', 'Put'], 'a.HostSide': ['Log'] } });
  expect(judged({ given: holds(definition('a.S', 'Get'), set) }).changes).toEqual([]);
  expect(() => judged({ given: holds(set) })).toThrow(broken('a.HostSide'));
});

test('what the plugin has beyond the application’s contract is no change', () => {
  expect(judged({ given: holds(descriptors({ services: { 'a.S': ['Get'] } })) }).changes).toEqual([]);
});

test('a service that the application has not named beside those that it calls may go', () => {
  const both = { 'a.S': ['Get'], 'a.Private': ['Look'] };
  const question = { old: told({ services: both }), next: told({ services: { 'a.S': ['Get'] } }) };
  expect(() => judged(question)).toThrow(broken('a.Private'));
  expect(judged({ ...question, given: holds(definition('a.S', 'Get')) }).changes).toEqual([
    { kind: 'service-removed', where: 'a.Private', was: expect.anything(), is: undefined, breaking: false },
  ]);
});

test('forced, it is put up with, and that is told', () => {
  const next = told({ services: { 'a.S': ['Get'] } });
  expect(judged({ next, force: true })).toMatchObject({
    changes: [expect.objectContaining({ where: '/a.S/Put', breaking: true })],
    forced: true,
  });
  expect(judged({ force: true }).forced).toBe(false);
});

test('services that every plugin has are no part of it, and those of an application that are called alike are', () => {
  const own = {
    'grpc.health.v1.Health': ['Check'],
    'plugin.GRPCBroker': ['StartStream'],
    'plugd.lifecycle.v1.Lifecycle': ['Describe'],
  };
  const old = told({ services: { 'a.S': ['Get'], ...own } });
  expect(judged({ old, next: told({ services: { 'a.S': ['Get'] } }) }).changes).toEqual([]);
  const alike = told({ services: { 'a.S': ['Get'], 'plugin.kv.v1.Store': ['Get'] } });
  expect(() => judged({ old: alike, next: told({ services: { 'a.S': ['Get'] } }) })).toThrow(
    broken('plugin.kv.v1.Store'),
  );
});

describe('without descriptors', () => {
  test.each<[string, Partial<ContractQuestion>, readonly string[]]>([
    ['the new version tells nothing', { next: undefined }, ['a.S']],
    ['the new version tells names alone', { next: named('a.S') }, ['a.S']],
    ['the old version tells nothing, nor the application', { old: undefined }, []],
    [
      'the application gave generated code alone',
      { old: undefined, given: holds(definition('a.S', 'Get')) },
      ['a.S'],
    ],
  ])('%s: the report says so, or it is refused where that is asked', (_, over, unchecked) => {
    expect(judged(over)).toEqual({ changes: 'unchecked', unchecked, forced: false });
    expect(() => judged({ ...over, policy: 'require' })).toThrow(
      expect.objectContaining({
        code: 'CONTRACT_UNCHECKED',
        facts: { plugin: 'kv', version: '2.0.0', services: unchecked },
      }),
    );
    expect(judged({ ...over, policy: 'require', force: true })).toEqual({
      changes: 'unchecked',
      unchecked,
      forced: true,
    });
  });

  test('a method that is gone is found by its name', () => {
    const given = holds(definition('a.S', 'Get', 'Drop'));
    expect(() => judged({ old: undefined, given })).toThrow(broken('/a.S/Drop'));
  });

  test('a service that is gone is found where the new version tells names alone', () => {
    expect(() => judged({ next: named('b.T') })).toThrow(broken('a.S'));
  });

  test('one service of two is not enough where it is asked for all', () => {
    const old = told({ services: { 'a.S': ['Get'], 'a.T': ['Get'] } });
    const next = told({ services: { 'a.S': ['Get'] } }).over(named('a.T'));
    expect(judged({ old, next })).toMatchObject({ changes: [], unchecked: ['a.T'] });
    expect(() => judged({ old, next, policy: 'require' })).toThrow(
      expect.objectContaining({ code: 'CONTRACT_UNCHECKED' }),
    );
  });
});

test('however many changes there are, the sentence names five, and the facts keep a hundred', () => {
  const methods = Array.from({ length: 300 }, (_, at) => `M${at}`);
  const old = told({ services: { 'a.S': methods } });
  let error: unknown;
  try {
    judged({ old, next: told({ services: { 'a.S': ['Get'] } }) });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({
    code: 'CONTRACT_BROKEN',
    summary: expect.stringMatching(
      /breaks the contract: (\/a\.S\/M\d: method removed; ){4}\/a\.S\/M4: method removed; and 295 more\.$/,
    ),
    facts: { count: 300 },
  });
  expect((error as { facts: { changes: unknown[] } }).facts.changes).toHaveLength(100);
});

test('what a plugin calls its services can do nothing to a terminal', () => {
  const evil = named('a.S\u001b[2J');
  expect(() => judged({ old: evil, next: told() })).toThrow(
    expect.objectContaining({ summary: expect.not.stringContaining('\u001b') }),
  );
});

test("this project's own contracts can be checked against themselves", () => {
  const set = readFileSync(join(__dirname, '../../../proto/src/gen/samples.binpb'));
  const given = readContract(set);
  const { contract } = given;
  expect(judged({ old: contract, next: contract, given, policy: 'require' })).toEqual({
    changes: [],
    unchecked: [],
    forced: false,
  });
});
