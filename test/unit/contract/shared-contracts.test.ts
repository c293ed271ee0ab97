import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { DescriptorBudget } from '../../../host/src/contract/descriptor-bytes';
import { SharedContracts, type SharedFile } from '../../../host/src/contract/shared-contracts';

const made = (name: string, service = 'S'): Uint8Array =>
  toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, {
      name,
      package: 'p',
      messageType: [{ name: 'A', field: [{ name: 'f' }] }],
      service: [{ name: service, method: [{ name: 'M' }] }],
    }),
  );
const endless = (): DescriptorBudget => new DescriptorBudget(Number.POSITIVE_INFINITY);
const listed = (...names: string[]): ReadonlySet<string> => new Set(names);

test('a file that two plugins tell of is in memory once', () => {
  const contracts = new SharedContracts();
  const bytes = made('a.proto');
  const first = contracts.file(bytes, endless());
  expect(contracts.file(Uint8Array.from(bytes), endless())).toBe(first);
  // Nobody holds the bytes that were sent but whoever sent them.
  bytes.fill(0);
  expect(first.bytes).toEqual(Buffer.from(made('a.proto')));
});

test('a file that differs in a byte is another one, of whatever name', () => {
  const contracts = new SharedContracts();
  const first = contracts.file(made('a.proto', 'S'), endless());
  const other = contracts.file(made('a.proto', 'T'), endless());
  expect(first.services.map(({ name }) => name)).toEqual(['p.S']);
  expect(other.services.map(({ name }) => name)).toEqual(['p.T']);
});

test('a file costs as much where it is known: whether a plugin is believed hangs on no other', () => {
  const contracts = new SharedContracts();
  // A message, its field, a service and its method.
  const costs = 4;
  const budgets = Array.from({ length: 2 }, () => new DescriptorBudget(2 * costs));
  for (const budget of budgets) {
    const kept = [contracts.file(made('a'), budget), contracts.file(made('b'), budget)];
    expect(kept.map(({ declarations }) => declarations)).toEqual([costs, costs]);
    expect(budget.taken).toBe(2 * costs);
    expect(() => contracts.file(made('a'), budget)).toThrow('too many');
    expect(() => contracts.file(made('c'), budget)).toThrow('too many');
  }
});

test('plugins that list the same and tell the same have one contract, and others have their own', () => {
  const contracts = new SharedContracts();
  const read = (...names: string[]): SharedFile[] =>
    names.map((name) => contracts.file(made(`${name}.proto`, name), endless()));
  const files = read('S', 'T');
  const both = contracts.contract(listed('p.S', 'p.T'), files);
  expect(contracts.contract(listed('p.S', 'p.T'), read('S', 'T'))).toBe(both);

  const one = contracts.contract(listed('p.S'), files);
  expect(one.services.map(({ name }) => name)).toEqual(['p.S']);
  const fewer = contracts.contract(listed('p.S', 'p.T'), read('S'));
  expect(fewer.services.map(({ name, methods }) => [name, methods.length])).toEqual([
    ['p.S', 1],
    ['p.T', 0],
  ]);
  // No name can be written so that two lists look the same.
  const odd = contracts.contract(listed('p.S","p.T'), files);
  expect(odd.services.map(({ name }) => name)).toEqual(['p.S","p.T']);
});
