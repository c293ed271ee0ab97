import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Contract } from '../../../host/src/contract/contract';
import { readContract } from '../../../host/src/contract/given-contract';

const gen = join(__dirname, '../../../proto/src/gen');
const samples = readContract(readFileSync(join(gen, 'samples.binpb'))).contract;
const plugd = readContract(readFileSync(join(gen, 'plugd.binpb'))).contract;

test('what nobody tells of is not idempotent', () => {
  for (const path of [
    '/samples.kv.v1.Kv/Nothing',
    '/x/Get',
    'samples.kv.v1.Kv/Get',
    '',
    '__proto__',
    'constructor',
  ])
    expect([samples.isIdempotent(path), samples.method(path)]).toEqual([false, undefined]);
  expect(Contract.empty.services).toEqual([]);
});

test('both levels that allow it are idempotent', () => {
  expect(samples.isIdempotent('/samples.kv.v1.Kv/Get')).toBe(true);
  expect(samples.isIdempotent('/samples.kv.v1.Kv/Put')).toBe(true);
  expect(samples.isIdempotent('/samples.kv.v1.Kv/Load')).toBe(false);
});

test('two contracts in one know what each of them knows, and neither has changed', () => {
  const before = samples.services.length;
  const both = samples.over(plugd);
  const names = (contract: Contract) => contract.services.map(({ name }) => name);
  expect(new Set(names(both))).toEqual(new Set([...names(samples), ...names(plugd)]));
  expect(both.message('grpc.health.v1.HealthCheckRequest')).toBeDefined();
  expect(both.messages.length).toBe(
    new Set([...samples.messages, ...plugd.messages].map(({ name }) => name)).size,
  );
  expect([samples.services.length, samples.message('grpc.health.v1.HealthCheckRequest')]).toEqual([
    before,
    undefined,
  ]);
});

test('a service that is known by its name alone is filled in with the methods that another source tells', () => {
  const named = new Contract({ services: [{ name: 'samples.kv.v1.Kv', methods: [] }] });
  expect(named.service('samples.kv.v1.Kv')?.methods).toEqual([]);
  expect(named.over(samples).service('samples.kv.v1.Kv')?.methods).toHaveLength(5);
  expect(samples.over(named).service('samples.kv.v1.Kv')?.methods).toHaveLength(5);
});

test('over or under nothing a contract is itself, and not a copy', () => {
  expect(Contract.empty.over(samples)).toBe(samples);
  expect(samples.over(Contract.empty)).toBe(samples);
});
