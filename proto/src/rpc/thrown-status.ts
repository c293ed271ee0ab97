import { type Metadata, status } from '@grpc/grpc-js';
import { PluginError } from '../plugin-error';
import { isMetadata, toMetadata } from './metadata';
import { CODE_TRAILER } from './rpc-error';

/** How a call ends, as grpc-js wants it said. */
export interface ThrownStatus {
  code: status;
  details: string;
  metadata: Metadata;
}

// The details travel as an HTTP/2 header, percent-encoded: up to nine bytes for one character. Peers refuse
// headers beyond 8 to 64 KiB, and then the caller would learn nothing at all.
const DETAILS_LIMIT = 800;

// What HTTP/2 adds to the trailers of a failed call. An error that a handler lets through from a call of its own
// has them among its metadata, and they say nothing about the handler's answer.
const TRANSPORT_HEADERS = ['content-type', 'date', 'grpc-encoding', 'grpc-accept-encoding'];

/**
 * The status that a thrown value stands for: a numeric `code` from 1 to 16 is kept, with `details` (else the
 * message) and `metadata`; anything else is UNKNOWN with its message. A PluginError's code goes into the trailer.
 */
export function thrownStatus(error: unknown): ThrownStatus {
  const metadata = metadataOf(error);
  if (error instanceof PluginError) metadata.set(CODE_TRAILER, error.code);
  const code = codeOf(error);
  const details = code === undefined ? undefined : property(error, 'details');
  return {
    code: code ?? status.UNKNOWN,
    details: headerText(typeof details === 'string' ? details : messageOf(error)),
    metadata,
  };
}

/** Text that can be percent-encoded, of a length that fits into a header. */
export function headerText(text: string): string {
  const short = text.length > DETAILS_LIMIT ? `${text.slice(0, DETAILS_LIMIT)}…` : text;
  // A lone surrogate makes encodeURI throw; the way through UTF-8 replaces it.
  return Buffer.from(short, 'utf8').toString('utf8');
}

function codeOf(error: unknown): status | undefined {
  // A DOMException has a numeric code of its own, with another meaning.
  if (error instanceof DOMException) return undefined;
  const code = property(error, 'code');
  return typeof code === 'number' && code >= 1 && code <= 16 && Number.isInteger(code) ? code : undefined;
}

function metadataOf(error: unknown): Metadata {
  const metadata = property(error, 'metadata');
  const own = toMetadata(isMetadata(metadata) ? metadata : undefined);
  for (const name of TRANSPORT_HEADERS) own.remove(name);
  return own;
}

function messageOf(error: unknown): string {
  const message = property(error, 'message');
  if (typeof message === 'string') return message;
  try {
    return String(error);
  } catch {
    return 'An error without a message was thrown';
  }
}

function property(value: unknown, key: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  } catch {
    return undefined; // a getter that throws must not replace the error that it belongs to
  }
}
