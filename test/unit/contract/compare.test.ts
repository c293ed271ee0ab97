import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareContracts, formatChange } from '../../../host/src/contract/compare';
import { Contract } from '../../../host/src/contract/contract';
import { readContract } from '../../../host/src/contract/given-contract';

const gen = join(__dirname, '../../../proto/src/gen');
const samples = readContract(readFileSync(join(gen, 'samples.binpb'))).contract;

interface Field {
  name: string;
  number: number;
  type: string;
  label?: string;
  typeName?: string;
}
interface Method {
  name: string;
  inputType: string;
  outputType: string;
  clientStreaming?: boolean;
  serverStreaming?: boolean;
  options?: { idempotencyLevel: string };
}
interface File {
  name: string;
  package: string;
  service: { name: string; method: Method[] }[];
  messageType: { name: string; field: Field[] }[];
}

/** A small contract, with a message that contains itself. */
function file(): File {
  return {
    name: 'a.proto',
    package: 'a',
    service: [
      {
        name: 'S',
        method: [
          { name: 'Get', inputType: '.a.Req', outputType: '.a.Res' },
          { name: 'Watch', inputType: '.a.Req', outputType: '.a.Res', serverStreaming: true },
        ],
      },
    ],
    messageType: [
      { name: 'Req', field: [{ name: 'key', number: 1, type: 'TYPE_STRING' }] },
      {
        name: 'Res',
        field: [
          { name: 'tree', number: 1, type: 'TYPE_MESSAGE', typeName: '.a.Tree' },
          { name: 'sum', number: 2, type: 'TYPE_INT64' },
        ],
      },
      {
        name: 'Tree',
        field: [
          {
            name: 'children',
            number: 1,
            type: 'TYPE_MESSAGE',
            typeName: '.a.Tree',
            label: 'LABEL_REPEATED',
          },
          { name: 'value', number: 2, type: 'TYPE_INT32' },
        ],
      },
      { name: 'Other', field: [] },
    ],
  };
}

const contract = (one: File): Contract => readContract({ file: [one] }).contract;

function changed(edit: (draft: File) => void) {
  const draft = file();
  edit(draft);
  return compareContracts(contract(file()), contract(draft));
}

function at<T>(list: readonly T[] | undefined, index: number): T {
  const found = list?.[index];
  if (found === undefined) throw new Error('no such part');
  return found;
}
const method = (draft: File, index: number) => at(at(draft.service, 0).method, index);
const field = (draft: File, message: number, index: number) =>
  at(at(draft.messageType, message).field, index);

test('a contract differs in nothing from itself', () => {
  expect(compareContracts(samples, samples)).toEqual([]);
  expect(changed(() => {})).toEqual([]);
});

test.each<[string, string, string, (draft: File) => void]>([
  [
    'service-removed',
    'a.S',
    'a.S: service removed',
    (draft) => {
      at(draft.service, 0).name = 'T';
    },
  ],
  [
    'method-removed',
    '/a.S/Watch',
    '/a.S/Watch: method removed',
    (draft) => void at(draft.service, 0).method.pop(),
  ],
  [
    'call-kind-changed',
    '/a.S/Get',
    '/a.S/Get: call kind changed: unary → client stream',
    (draft) => {
      method(draft, 0).clientStreaming = true;
    },
  ],
  [
    'request-type-changed',
    '/a.S/Get',
    '/a.S/Get: request type changed: a.Req → a.Other',
    (draft) => {
      method(draft, 0).inputType = '.a.Other';
    },
  ],
  [
    'response-type-changed',
    '/a.S/Watch',
    '/a.S/Watch: response type changed: a.Res → a.Other',
    (draft) => {
      method(draft, 1).outputType = '.a.Other';
    },
  ],
  [
    'field-number-changed',
    'a.Req.key',
    'a.Req.key: field number changed: 1 → 3',
    (draft) => {
      field(draft, 0, 0).number = 3;
    },
  ],
  [
    'field-type-changed',
    'a.Res.sum',
    'a.Res.sum: field type changed: int64 → string',
    (draft) => {
      field(draft, 1, 1).type = 'TYPE_STRING';
    },
  ],
  [
    'field-type-changed',
    'a.Res.tree',
    'a.Res.tree: field type changed: a.Tree → a.Other',
    (draft) => {
      field(draft, 1, 0).typeName = '.a.Other';
    },
  ],
  [
    'field-cardinality-changed',
    'a.Tree.value',
    'a.Tree.value: field cardinality changed: optional → repeated',
    (draft) => {
      field(draft, 2, 1).label = 'LABEL_REPEATED';
    },
  ],
  [
    'field-added',
    'a.Req.must',
    'a.Req.must: field added: bool = 2',
    (draft) =>
      void at(draft.messageType, 0).field.push({
        name: 'must',
        number: 2,
        type: 'TYPE_BOOL',
        label: 'LABEL_REQUIRED',
      }),
  ],
])('%s breaks callers: %s', (kind, where, line, edit) => {
  const breaking = changed(edit).filter((change) => change.breaking);
  expect(breaking).toEqual([expect.objectContaining({ kind, where })]);
  expect(breaking.map(formatChange)).toEqual([line]);
});

test.each<[string, (draft: File) => void]>([
  ['service-added', (draft) => void draft.service.push({ name: 'T', method: [method(file(), 0)] })],
  ['method-added', (draft) => void at(draft.service, 0).method.push({ ...method(file(), 0), name: 'Put' })],
  [
    'field-added',
    (draft) => void at(draft.messageType, 0).field.push({ name: 'more', number: 2, type: 'TYPE_BOOL' }),
  ],
  ['field-removed', (draft) => void at(draft.messageType, 1).field.pop()],
  [
    'idempotency-changed',
    (draft) => {
      method(draft, 0).options = { idempotencyLevel: 'IDEMPOTENT' };
    },
  ],
])('%s is told and breaks nobody', (kind, edit) => {
  expect(changed(edit)).toEqual([expect.objectContaining({ kind, breaking: false })]);
});

test('a field may get another name: its number is what stands on the wire', () => {
  expect(
    changed((draft) => {
      field(draft, 0, 0).name = 'id';
    }),
  ).toEqual([]);
});

test('without descriptors methods are compared by name and kind', () => {
  const bare = (streams: boolean): Contract =>
    new Contract({
      services: [
        {
          name: 'a.S',
          methods: [
            {
              path: '/a.S/Get',
              name: 'Get',
              requestStream: false,
              responseStream: streams,
              inputType: undefined,
              outputType: undefined,
              idempotency: 'unknown',
              levelStated: false,
            },
          ],
        },
      ],
    });
  expect(compareContracts(bare(false), contract(file())).filter(({ breaking }) => breaking)).toEqual([]);
  expect(compareContracts(bare(true), contract(file()))).toContainEqual(
    expect.objectContaining({ kind: 'call-kind-changed', breaking: true }),
  );
});

test('a service that is known by name alone is there, and no more is claimed', () => {
  const named = new Contract({ services: [{ name: 'a.S', methods: [] }] });
  expect(compareContracts(contract(file()), named)).toEqual([]);
});
