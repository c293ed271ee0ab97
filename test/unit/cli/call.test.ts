import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { findMethod } from '../../../host/src/cli/call/find-method';
import { mismatched, readRequests } from '../../../host/src/cli/call/requests';
import { Contract } from '../../../host/src/contract/contract';
import { readDescriptorSet } from '../../../host/src/contract/descriptor-bytes';
import { MessageMismatch } from '../../../host/src/contract/message-json';

const files = readDescriptorSet(readFileSync(join(__dirname, '../../../proto/src/gen/samples.binpb')));
const contract = new Contract({ services: files.flatMap(({ services }) => services), files });

test.each([
  ['samples.kv.v1.Kv/Get', '/samples.kv.v1.Kv/Get'],
  ['/samples.kv.v1.Kv/Get', '/samples.kv.v1.Kv/Get'],
  ['samples.kv.v1.Kv.Get', '/samples.kv.v1.Kv/Get'],
  ['Kv/Put', '/samples.kv.v1.Kv/Put'],
  ['Chat', '/samples.kv.v1.Kv/Chat'],
])('%s is found', (typed, path) => {
  expect(findMethod('kv', contract, typed).path).toBe(path);
});

test.each([
  ['samples.kv.v1.Kv/Gett', 'Did you mean samples.kv.v1.Kv/Get?'],
  ['samples.kv.v1.kw/Put', 'Did you mean samples.kv.v1.Kv/Put?'],
  ['Wach', 'Did you mean samples.kv.v1.Kv/Watch?'],
  ['Get', 'samples.counter.v1.Counter/Get or samples.kv.v1.Kv/Get'],
  ['nothing.like.it/Ever', 'It has'],
])('%s is not, and what is near is named', (typed, hint) => {
  const error = thrownBy(() => findMethod('kv', contract, typed));
  expect(error.code).toBe('METHOD_NOT_FOUND');
  expect(error.hint).toContain(hint);
});

test('services that can’t be called are not proposed', () => {
  const closed = contract.services.map(({ name }) => name).filter((name) => name !== 'samples.kv.v1.Kv');
  const error = thrownBy(() => findMethod('kv', contract, 'nothing.like.it/Ever', { closed }));
  expect(error.hint).toBe('It has samples.kv.v1.Kv.');
  expect(JSON.stringify(error.facts)).not.toContain('samples.counter');
  const none = thrownBy(() =>
    findMethod('kv', contract, 'Ever', { closed: [...closed, 'samples.kv.v1.Kv'] }),
  );
  expect(none.hint).toContain('None of its services is public');
  // One that is typed is told of by its own code.
  expect(findMethod('kv', contract, 'samples.counter.v1.Counter/Get', { closed }).path).toBe(
    '/samples.counter.v1.Counter/Get',
  );
});

test('of a plugin that tells of nothing that is what is said', () => {
  const error = thrownBy(() => findMethod('kv', Contract.empty, 'Get'));
  expect(error.code).toBe('METHOD_NOT_FOUND');
  expect(error.hint).toContain('--descriptors');
});

test('requests are read one after the other, from what is typed in before its end', async () => {
  const stdin = new Readable({ read() {} });
  const requests = readRequests('-', { stdin, cwd: '/' });
  stdin.push('{"key": "a"} {"ke');
  expect((await requests.next()).value).toMatchObject({ value: { key: 'a' } });
  stdin.push('y": "ä"}');
  stdin.push(null);
  expect((await requests.next()).value).toMatchObject({ value: { key: 'ä' } });
  expect((await requests.next()).done).toBe(true);
});

test('characters that are cut in two between parts stay whole', async () => {
  const bytes = Buffer.from('{"key": "ä€"}');
  const stdin = Readable.from([...bytes].map((byte) => Buffer.of(byte)));
  const found: unknown[] = [];
  for await (const { value } of readRequests('-', { stdin, cwd: '/' })) found.push(value);
  expect(found).toEqual([{ key: 'ä€' }]);
});

test.each([
  ['{"key": }', { line: 1, column: 9 }],
  ['{"key": "a"}\n{"key" "b"}', { line: 2, column: 8 }],
])('%j is refused with its line and column', async (data, facts) => {
  await expect(all(data)).rejects.toMatchObject({ code: 'REQUEST_INVALID', facts });
});

test('a file that is not there is refused', async () => {
  await expect(all('@/nowhere/at-all.json')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

test('a mistyped field is told with the one that was probably meant', () => {
  const error = mismatched(
    new MessageMismatch('it has none', ['a', 1, 'vlaue'], ['key', 'value']),
    'the request',
  );
  expect(error).toMatchObject({ code: 'REQUEST_INVALID', facts: { field: 'a.1.vlaue' } });
  expect(error.hint).toContain('Did you mean "value"?');
});

async function all(data: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const request of readRequests(data, { stdin: undefined, cwd: '/' })) found.push(request);
  return found;
}

function thrownBy(work: () => unknown): PluginError {
  try {
    work();
  } catch (error) {
    return error as PluginError;
  }
  throw new Error('nothing was thrown');
}
