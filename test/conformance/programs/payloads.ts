import type { Metadata } from '@grpc/grpc-js';
import {
  type ConformancePayload,
  ConformancePayload_RequestInfo,
  type StreamResponseDefinition,
  type Error as SuiteError,
  type UnaryResponseDefinition,
} from '../gen/connectrpc/conformance/v1/service';
import type { Any } from '../gen/google/protobuf/any';
import { toHeaders } from './headers';
import { type Ending, endingOf } from './rpc-status';

const PACKAGE = 'type.googleapis.com/connectrpc.conformance.v1';

/** What a server has seen of a call. */
export interface Seen {
  readonly metadata: Metadata;
  readonly deadline: number | undefined;
  readonly requests: Any[];
}

export const anyOf = (type: string, bytes: Uint8Array): Any => ({
  typeUrl: `${PACKAGE}.${type}`,
  value: Buffer.from(bytes),
});

function requestInfo({ metadata, deadline, requests }: Seen): ConformancePayload_RequestInfo {
  return {
    requestHeaders: toHeaders(metadata),
    timeoutMs: deadline === undefined ? undefined : Math.max(0, Math.round(deadline - Date.now())),
    requests,
    connectGetInfo: undefined,
  };
}

/** The error that was ordered; where nothing was answered before it, with what the server has seen. */
function failure(error: SuiteError, seen: Seen | undefined, trailers: Metadata): Ending {
  if (seen === undefined) return endingOf(error, trailers);
  const info = ConformancePayload_RequestInfo.encode(requestInfo(seen)).finish();
  const details = [...error.details, anyOf('ConformancePayload.RequestInfo', info)];
  return endingOf({ ...error, details }, trailers);
}

/** The answer of a method that answers once. @throws Ending the error that was ordered */
export function singlePayload(
  order: UnaryResponseDefinition | undefined,
  seen: Seen,
  trailers: Metadata,
): ConformancePayload {
  const response = order?.response;
  if (response?.$case === 'error') throw failure(response.value, seen, trailers);
  return { data: response?.value ?? Buffer.alloc(0), requestInfo: requestInfo(seen) };
}

/** One answer of a stream; only the first says all that was seen, the others the requests since. */
export function streamPayload(data: Buffer, index: number, seen: Seen): ConformancePayload {
  if (index === 0) return { data, requestInfo: requestInfo(seen) };
  const { requests } = seen;
  if (requests.length === 0) return { data, requestInfo: undefined };
  return {
    data,
    requestInfo: { requestHeaders: [], timeoutMs: undefined, requests, connectGetInfo: undefined },
  };
}

/** How a stream ends; undefined: well. */
export function streamEnding(
  order: StreamResponseDefinition | undefined,
  answered: number,
  seen: Seen,
  trailers: Metadata,
): Ending | undefined {
  return order?.error === undefined
    ? undefined
    : failure(order.error, answered === 0 ? seen : undefined, trailers);
}
