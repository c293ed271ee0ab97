import { status } from '@grpc/grpc-js';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';

/** What the details of a failed connection attempt say when it was TLS that failed: OpenSSL's and Node's words. */
const tlsWords = /certificate|\bTLS\b|\bSSL\b|EPROTO|ERR_TLS|secure|handshake|wrong version number|alert/i;
/** And what they say of a peer that hung up. */
const hangUpWords = /ECONNRESET|dropped|closed|hung up/i;

/** Why a first call on a new connection did not get through. */
export function connectFailure(error: unknown, tls: boolean): { code: ErrorCode; summary: string } {
  if (!(error instanceof RpcError)) return unreachable(String(error));
  if (error.code === status.DEADLINE_EXCEEDED) {
    return { code: 'HEALTH_TIMEOUT', summary: 'The plugin did not answer its health check in time.' };
  }
  if (error.code !== status.UNAVAILABLE) {
    // It was reached: this is its answer.
    const summary = `The plugin's health check failed with ${error.codeName}: ${sentence(error.details)}`;
    return { code: 'HEALTH_NOT_SERVING', summary };
  }
  const details = plainWords(error.details);
  // First, since it names the address, in which any of the words below may stand.
  if (/^connect E[A-Z]+\b/.test(details)) return unreachable(details);
  if (tls && tlsWords.test(details)) {
    return { code: 'TLS_FAILED', summary: `The TLS handshake with the plugin failed: ${sentence(details)}` };
  }
  // With TLS, a peer that hangs up at once has most likely refused our certificate: in TLS 1.3 that shows
  // only after the handshake seemed done.
  if (tls && hangUpWords.test(details)) {
    return { code: 'TLS_FAILED', summary: `The plugin closed the TLS connection: ${sentence(details)}` };
  }
  return unreachable(details);
}

function unreachable(details: string): { code: ErrorCode; summary: string } {
  return { code: 'CONNECT_FAILED', summary: `The plugin could not be reached: ${sentence(details)}` };
}

/** What happened, without what grpc-js and OpenSSL put around it for their own authors. */
function plainWords(details: string): string {
  return (
    details
      .replace(/^No connection established\. Last error: (Error: )?/, '')
      .replace(/\. Resolution note:\s*$/, '')
      // grpc-js's words for a connection that was made and then lost before the peer's first frame.
      .replace(/^Failed to connect/, 'it hung up as soon as it was connected')
      .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
      .replace(/[0-9A-F]+:error:[0-9A-F]+:([^:]*):[^:]*:([^:]*):[^:\s]*:\d+:\s*/, '$1: $2')
  );
}

function sentence(details: string): string {
  const text = details.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
