import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Contract } from '../../../host/src/contract/contract';
import { readDescriptorSet } from '../../../host/src/contract/descriptor-bytes';
import { MessageJson, MessageMismatch } from '../../../host/src/contract/message-json';

const files = readDescriptorSet(readFileSync(join(__dirname, '../../../proto/src/gen/samples.binpb')));
const json = new MessageJson(
  new Contract({ services: [], messages: files.flatMap(({ messages }) => messages), files }),
);

test('a message comes back from its bytes as it was written, defaults and all', () => {
  const bytes = json.encode('samples.kv.v1.PutRequest', { key: 'a', value: 'aGk=' });
  expect(json.decode('samples.kv.v1.PutRequest', bytes)).toEqual({ key: 'a', value: 'aGk=' });
  expect(json.decode('samples.kv.v1.PutRequest', new Uint8Array())).toEqual({ key: '', value: '' });
});

test('numbers of 64 bits may be texts, and are given as such', () => {
  const bytes = json.encode('samples.feed.v1.ExchangeRequest', { number: '18446744073709551615' });
  expect(json.decode('samples.feed.v1.ExchangeRequest', bytes)).toEqual({ number: '18446744073709551615' });
});

test('an unknown field is refused with its place and those that there are, however deep it stands', () => {
  const deep = { entries: [{ key: 'a' }, { key: 'b', valeu: 1 }] };
  const error = thrownBy(() => json.encode('samples.counter.v1.CounterStateV2', deep));
  expect(error.path).toEqual(['entries', 1, 'valeu']);
  expect(error.known).toEqual(['key', 'value']);
});

test('a value of the wrong kind is refused with the name of its field', () => {
  const error = thrownBy(() => json.encode('samples.counter.v1.PutRequest', { value: 'many' }));
  expect(error.message).toContain('samples.counter.v1.PutRequest.value');
});

test.each([
  [[], 'a list', []],
  ['a', 'a text', []],
  [1, 'a number', []],
  [null, 'null', []],
  [{ entries: [{ key: 'a' }, 7] }, 'a number', ['entries', 1]],
])('%j is refused where a message is expected, in words', (value, kind, path) => {
  const error = thrownBy(() => json.encode('samples.counter.v1.CounterStateV2', value));
  expect(error.message).toMatch(
    new RegExp(`^samples\\.counter\\.v1\\.\\w+ is written as an object, {…}, not as ${kind}$`),
  );
  expect(error.path).toEqual(path);
});

test('bytes that are no such message, and types that nobody told of, are refused', () => {
  thrownBy(() => json.decode('samples.kv.v1.PutRequest', Uint8Array.of(0x0a, 0x7f)));
  thrownBy(() => json.encode('samples.kv.v1.Nothing', {}));
});

function thrownBy(work: () => unknown): MessageMismatch {
  try {
    work();
  } catch (error) {
    if (error instanceof MessageMismatch) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
