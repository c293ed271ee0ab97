import { Metadata, status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import {
  ERROR_TRAILER,
  errorDocument,
  errorFromDocument,
  fromRpcError,
  toRpcError,
} from '../../../host/src/admin/error-wire';

const error = new PluginError('BUSY', 'Plugin kv is in an upgrade.', {
  facts: { plugin: 'kv', running: 'upgrade' },
  hint: 'Wait.',
  cause: new Error('why'),
});

test('an error crosses a call with all that it says', () => {
  const sent = toRpcError(error);
  expect(sent).toMatchObject({
    code: status.FAILED_PRECONDITION,
    details: error.summary,
    pluginCode: 'BUSY',
  });
  const got = fromRpcError(sent);
  expect(got).toMatchObject({ code: 'BUSY', summary: error.summary, facts: error.facts, hint: 'Wait.' });
  expect(got?.message).toBe(error.message);
  expect(got?.cause).toMatchObject({ message: 'why' });
});

test('an error that is too long for a trailer arrives without its longest facts', () => {
  const facts = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`fact${i}`, 'x'.repeat(i * 50)]));
  const long = new PluginError('START_TIMEOUT', 'y'.repeat(2_000), { facts: { plugin: 'kv', ...facts } });
  const sent = toRpcError(long);
  const [bytes = ''] = sent.metadata.get(ERROR_TRAILER);
  expect(bytes.length).toBeLessThan(6_000);
  expect(fromRpcError(sent)).toMatchObject({
    code: 'START_TIMEOUT',
    facts: { plugin: 'kv', fact1: 'x'.repeat(50) },
  });
});

test('what is no refusal of a daemon is not taken for one', () => {
  const metadata = new Metadata();
  metadata.set(ERROR_TRAILER, Buffer.from('{"code":"NO_SUCH_CODE","summary":"s"}'));
  expect(fromRpcError(new RpcError(status.INTERNAL, 'd', { metadata }))).toBeUndefined();
  metadata.set(ERROR_TRAILER, Buffer.from('{'));
  expect(fromRpcError(new RpcError(status.INTERNAL, 'd', { metadata }))).toBeUndefined();
  expect(fromRpcError(new RpcError(status.UNAVAILABLE, 'd'))).toBeUndefined();
  expect(fromRpcError(new Error('d'))).toBeUndefined();
  for (const document of [null, [], 'x', {}, { code: 'BUSY' }, { code: 'toString', summary: 's' }])
    expect(errorFromDocument(document)).toBeUndefined();
});

test('what is no PluginError is told by its sentence', () => {
  expect(errorDocument(new Error('broken'))).toEqual({ summary: 'broken' });
  expect(toRpcError(new Error('broken'))).toMatchObject({ code: status.INTERNAL, details: 'broken' });
  const own = new RpcError(status.CANCELLED, 'd');
  expect(toRpcError(own)).toBe(own);
});
