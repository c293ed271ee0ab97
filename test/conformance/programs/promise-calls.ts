import type { Channel } from '../../../host/src/routing/grpc-call';
import { createPromiseClient } from '../../../proto/src/rpc/client';
import type { ClientCompatRequest } from '../gen/connectrpc/conformance/v1/client_compat';
import {
  BidiStreamRequest,
  ClientStreamRequest,
  type ConformancePayload,
  ConformanceServiceDefinition,
  ServerStreamRequest,
  UnaryRequest,
} from '../gen/connectrpc/conformance/v1/service';
import { cancelPlan, Gate, requestsOf } from './call-plan';
import { toMetadata } from './headers';
import { Outcome } from './outcome';
import { asEnding } from './rpc-status';

/** Makes the call that the suite asks for with the promise client. */
export async function callWithPromises(channel: Channel, request: ClientCompatRequest): Promise<Outcome> {
  const client = createPromiseClient(ConformanceServiceDefinition, channel);
  const outcome = new Outcome();
  const controller = new AbortController();
  const leave = () => controller.abort();
  const plan = cancelPlan(request);
  const options = {
    signal: controller.signal,
    metadata: toMetadata(request.requestHeaders),
    onHeader: outcome.heard.bind(outcome),
    onTrailer: outcome.trailed.bind(outcome),
    ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
  };
  const only = request.requestMessages[0]?.value ?? Buffer.alloc(0);
  const gates = request.requestMessages.map(() => new Gate());
  const answered = (index: number) => gates[index]?.wait() ?? Promise.resolve();

  const collect = async (responses: AsyncIterable<{ payload: ConformancePayload | undefined }>) => {
    for await (const { payload } of responses) {
      outcome.answered(payload);
      gates[outcome.payloads.length - 1]?.open();
      if (outcome.payloads.length === plan.afterResponses) leave();
    }
  };

  const calls: Record<string, () => Promise<void>> = {
    Unary: async () => {
      if (plan.afterCloseSendMs !== undefined) setTimeout(leave, plan.afterCloseSendMs);
      outcome.answered((await client.unary(UnaryRequest.decode(only), options)).payload);
    },
    Unimplemented: async () => {
      await client.unimplemented({}, options);
    },
    ServerStream: async () => {
      if (plan.afterCloseSendMs !== undefined) setTimeout(leave, plan.afterCloseSendMs);
      await collect(client.serverStream(ServerStreamRequest.decode(only), options));
    },
    ClientStream: async () => {
      const requests = requestsOf(request, (bytes) => ClientStreamRequest.decode(bytes), leave, answered);
      outcome.answered((await client.clientStream(requests, options)).payload);
    },
    BidiStream: async () => {
      const requests = requestsOf(request, (bytes) => BidiStreamRequest.decode(bytes), leave, answered);
      await collect(client.bidiStream(requests, options));
    },
  };
  const call = calls[request.method ?? ''];
  if (call === undefined) throw new Error(`There is no method ${request.method}`);
  try {
    await call();
  } catch (error) {
    outcome.failed(asEnding(error));
  }
  return outcome;
}
