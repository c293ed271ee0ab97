import type { OutgoingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';

/** Where a call says which plugin is to answer it, of several that have its service. */
export const PLUGIN_KEY = 'plugd-plugin';

/** Among the trailers of calls that name a plugin: it is no broken connection that has ended them. */
export const ANSWERED_KEY = 'plugd-answered';

/** What belongs to one connection, or is written anew for the next one. */
const ownToEachHop = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'date',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  // Names generations of one host, in its own words: a stranger's word would lead past a hold.
  LINEAGE_KEY,
  PLUGIN_KEY,
  ANSWERED_KEY,
]);

/** Of gRPC's own keys these are meant for the other end: traces, what a status is about, and when to try again. */
const endToEnd = new Set([
  'grpc-retry-pushback-ms',
  'grpc-status-details-bin',
  'grpc-tags-bin',
  'grpc-trace-bin',
]);

/** Whether metadata of this key goes on through the front door. */
export function isForwarded(key: string): boolean {
  if (endToEnd.has(key)) return true;
  return !key.startsWith('grpc-') && !key.startsWith(':') && !ownToEachHop.has(key);
}

/**
 * What of a request's headers the plugin sees.
 *
 * @param raw names and values by turns, as they came: of values of one name Node makes one, and some contain what it puts between
 */
export function forwardedRequest(raw: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const key = raw[at] ?? '';
    if (isForwarded(key)) metadata.merge(Metadata.fromHttp2Headers({ [key]: raw[at + 1] }));
  }
  return metadata;
}

/** What of a plugin's headers or trailers the caller sees. */
export function forwardedAnswer(metadata: Metadata): OutgoingHttpHeaders {
  const headers = metadata.toHttp2Headers();
  for (const key of Object.keys(headers)) if (!isForwarded(key)) delete headers[key];
  return headers;
}
