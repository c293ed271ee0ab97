import { Metadata, status } from '@grpc/grpc-js';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { connectFailure } from '../../../host/src/connection/failure';

function unavailable(lastError: string): RpcError {
  const details = `No connection established. Last error: ${lastError}. Resolution note: `;
  return rpcError(status.UNAVAILABLE, details);
}

function rpcError(code: status, details: string): RpcError {
  return new RpcError(code, details, { metadata: new Metadata(), path: '/grpc.health.v1.Health/Check' });
}

const wrongVersion =
  'Error: 80DB:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../x/ssl3_record.c:350:\n';

test.each([
  ['Error: connect ENOENT /run/plugin1', 'CONNECT_FAILED', 'connect ENOENT /run/plugin1.'],
  ['Error: connect ENOENT /run/secure/alert/plugin1', 'CONNECT_FAILED', '/run/secure/alert/plugin1.'],
  ['Error: connect ECONNREFUSED 127.0.0.1:1', 'CONNECT_FAILED', 'ECONNREFUSED 127.0.0.1:1.'],
  ['Error: self-signed certificate', 'TLS_FAILED', 'failed: self-signed certificate.'],
  [wrongVersion, 'TLS_FAILED', 'failed: SSL routines: wrong version number.'],
  ['Failed to connect (2026-01-02T03:04:05.678Z)', 'TLS_FAILED', 'it hung up as soon as it was connected.'],
  ['read ECONNRESET (2026-01-02T03:04:05.678Z)', 'TLS_FAILED', 'connection: read ECONNRESET.'],
  ['Protocol error (2026-01-02T03:04:05.678Z)', 'CONNECT_FAILED', 'reached: Protocol error.'],
])('with TLS, %j is %s', (lastError, code, end) => {
  const failure = connectFailure(unavailable(lastError), true);
  expect(failure.code).toBe(code);
  expect(failure.summary.endsWith(end) ? end : failure.summary).toBe(end);
});

test('without TLS a peer that hangs up could not be reached', () => {
  for (const words of ['read ECONNRESET', 'Failed to connect'])
    expect(connectFailure(unavailable(words), false).code).toBe('CONNECT_FAILED');
});

test('an answer is an answer, whatever it says', () => {
  expect(connectFailure(rpcError(status.INTERNAL, 'the certificate store is closed'), true)).toEqual({
    code: 'HEALTH_NOT_SERVING',
    summary: "The plugin's health check failed with INTERNAL: the certificate store is closed.",
  });
  expect(connectFailure(rpcError(status.DEADLINE_EXCEEDED, 'x'), false).code).toBe('HEALTH_TIMEOUT');
  expect(connectFailure(new Error('odd'), true).code).toBe('CONNECT_FAILED');
});
