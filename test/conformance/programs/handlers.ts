import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import {
  BidiStreamRequest,
  ClientStreamRequest,
  type ConformancePayload,
  ServerStreamRequest,
  type StreamResponseDefinition,
  UnaryRequest,
  type UnaryResponseDefinition,
} from '../gen/connectrpc/conformance/v1/service';
import type { Any } from '../gen/google/protobuf/any';
import { toMetadata } from './headers';
import { anyOf, type Seen, singlePayload, streamEnding, streamPayload } from './payloads';

/** What both servers under test know of a call. */
export interface Surroundings {
  readonly metadata: Metadata;
  readonly deadline: number | undefined;
  header(metadata: Metadata): void;
  trailer(metadata: Metadata): void;
}

type Answer = { payload: ConformancePayload };

/**
 * What the suite's service does, by the suite's own description of it: alike for our server and for grpc-js alone.
 * What is thrown is an Ending.
 */
export const handlers = {
  async unary(request: UnaryRequest, call: Surroundings): Promise<Answer> {
    const any = anyOf('UnaryRequest', UnaryRequest.encode(request).finish());
    return answerOnce(request.responseDefinition, [any], call);
  },

  async clientStream(requests: AsyncIterable<ClientStreamRequest>, call: Surroundings): Promise<Answer> {
    let order: UnaryResponseDefinition | undefined;
    const seen: Any[] = [];
    for await (const request of requests) {
      if (seen.length === 0) order = request.responseDefinition;
      seen.push(anyOf('ClientStreamRequest', ClientStreamRequest.encode(request).finish()));
    }
    return answerOnce(order, seen, call);
  },

  async *serverStream(request: ServerStreamRequest, call: Surroundings): AsyncGenerator<Answer, void> {
    const any = anyOf('ServerStreamRequest', ServerStreamRequest.encode(request).finish());
    const answers = new StreamAnswers(request.responseDefinition, call);
    answers.seen(any);
    yield* answers.rest();
  },

  async *bidiStream(
    requests: AsyncIterable<BidiStreamRequest>,
    call: Surroundings,
  ): AsyncGenerator<Answer, void> {
    let answers: StreamAnswers | undefined;
    let fullDuplex = false;
    for await (const request of requests) {
      if (answers === undefined) {
        answers = new StreamAnswers(request.responseDefinition, call);
        fullDuplex = request.fullDuplex;
      }
      answers.seen(anyOf('BidiStreamRequest', BidiStreamRequest.encode(request).finish()));
      if (!fullDuplex) continue;
      if (!answers.more) break;
      yield await answers.next();
    }
    if (answers !== undefined) yield* answers.rest();
  },
};

async function answerOnce(
  order: UnaryResponseDefinition | undefined,
  requests: Any[],
  call: Surroundings,
): Promise<Answer> {
  const trailers = toMetadata(order?.responseTrailers ?? []);
  if (order !== undefined) {
    call.header(toMetadata(order.responseHeaders));
    call.trailer(trailers);
    if (order.responseDelayMs > 0) await sleep(order.responseDelayMs);
  }
  const seen = { metadata: call.metadata, deadline: call.deadline, requests };
  return { payload: singlePayload(order, seen, new Metadata()) };
}

/** The answers that the first request ordered. */
class StreamAnswers {
  private readonly requests: Any[] = [];
  private answered = 0;

  constructor(
    private readonly order: StreamResponseDefinition | undefined,
    private readonly call: Surroundings,
  ) {
    if (order === undefined) return;
    call.header(toMetadata(order.responseHeaders));
    call.trailer(toMetadata(order.responseTrailers));
  }

  get more(): boolean {
    return this.answered < (this.order?.responseData.length ?? 0);
  }

  seen(request: Any): void {
    this.requests.push(request);
  }

  async next(): Promise<Answer> {
    const seen = this.takeSeen();
    const data = this.order?.responseData[this.answered] ?? Buffer.alloc(0);
    const delayMs = this.order?.responseDelayMs ?? 0;
    if (delayMs > 0) await sleep(delayMs);
    return { payload: streamPayload(data, this.answered++, seen) };
  }

  async *rest(): AsyncGenerator<Answer, void> {
    while (this.more) yield await this.next();
    const ending = streamEnding(this.order, this.answered, this.takeSeen(), new Metadata());
    if (ending !== undefined) throw ending;
  }

  private takeSeen(): Seen {
    const { metadata, deadline } = this.call;
    return { metadata, deadline, requests: this.requests.splice(0) };
  }
}
