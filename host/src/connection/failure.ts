import { status } from '@grpc/grpc-js';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';

/** What the details of a failed connection attempt say when it was TLS that failed: OpenSSL's and Node's words. */
const tlsWords = /certificate|\bTLS\b|\bSSL\b|EPROTO|ERR_TLS|secure|handshake|wrong version number|alert/i;

/** Why a first call on a new connection did not get through. */
export function connectFailure(error: unknown, tls: boolean): { code: ErrorCode; summary: string } {
  const details = error instanceof RpcError ? error.details : String(error);
  if (error instanceof RpcError && error.code === status.DEADLINE_EXCEEDED) {
    return { code: 'HEALTH_TIMEOUT', summary: 'The plugin did not answer its health check in time.' };
  }
  if (tls && tlsWords.test(details)) {
    return { code: 'TLS_FAILED', summary: `The TLS handshake with the plugin failed: ${sentence(details)}` };
  }
  // With TLS, a peer that hangs up at once has most likely refused our certificate: in TLS 1.3 that shows
  // only after the handshake seemed done.
  if (tls && /ECONNRESET|dropped|closed/i.test(details)) {
    return { code: 'TLS_FAILED', summary: `The plugin closed the TLS connection: ${sentence(details)}` };
  }
  return { code: 'CONNECT_FAILED', summary: `The plugin could not be reached: ${sentence(details)}` };
}

function sentence(details: string): string {
  const text = details.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
