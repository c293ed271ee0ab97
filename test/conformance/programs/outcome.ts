import type { Metadata } from '@grpc/grpc-js';
import type { ClientResponseResult } from '../gen/connectrpc/conformance/v1/client_compat';
import type { ConformancePayload } from '../gen/connectrpc/conformance/v1/service';
import { toHeaders } from './headers';
import { type Ending, errorOf } from './rpc-status';

/** What is seen of one call, piece by piece. */
export class Outcome {
  private header: Metadata | undefined;
  private trailer: Metadata | undefined;
  private ending: Ending | undefined;
  readonly payloads: ConformancePayload[] = [];

  heard(header: Metadata): void {
    this.header = header;
  }

  trailed(trailer: Metadata): void {
    this.trailer = trailer;
  }

  answered(payload: ConformancePayload | undefined): void {
    // An empty message is an answer too.
    this.payloads.push(payload ?? { data: Buffer.alloc(0), requestInfo: undefined });
  }

  failed(ending: Ending): void {
    this.ending = ending;
  }

  result(): ClientResponseResult {
    return {
      responseHeaders: this.header === undefined ? [] : toHeaders(this.header),
      payloads: this.payloads,
      error: this.ending === undefined ? undefined : errorOf(this.ending),
      responseTrailers: this.trailer === undefined ? [] : toHeaders(this.trailer),
      numUnsentRequests: 0,
      feedback: [],
    };
  }
}
