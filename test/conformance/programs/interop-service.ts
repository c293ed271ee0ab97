import { setTimeout as sleep } from 'node:timers/promises';
import { RpcError, type ServiceCall, type ServiceImplementation } from '@plugd/sdk';
import { type EchoStatus, type Payload, PayloadType } from '../gen/grpc/testing/messages';
import { TestServiceDefinition } from '../gen/grpc/testing/test';

const INITIAL = 'x-grpc-test-echo-initial';
const TRAILING = 'x-grpc-test-echo-trailing-bin';

const { unimplementedCall, ...methods } = TestServiceDefinition.methods;

/** Without the one method whose absence is itself a case. */
export const interopMethods = { ...TestServiceDefinition, methods };

/** grpc.testing.TestService, as gRPC's description of the interop cases has it. */
export const interopService: ServiceImplementation<typeof interopMethods> = {
  emptyCall: () => ({}),
  cacheableUnaryCall: ({ responseSize }) => ({ payload: payload(responseSize) }),
  unaryCall(request, call) {
    echoMetadata(call);
    failAsAsked(request.responseStatus);
    return { payload: payload(request.responseSize) };
  },
  async *streamingOutputCall({ responseParameters }) {
    yield* outputs(responseParameters);
  },
  async streamingInputCall(requests) {
    let aggregatedPayloadSize = 0;
    for await (const request of requests) aggregatedPayloadSize += request.payload?.body.length ?? 0;
    return { aggregatedPayloadSize };
  },
  async *fullDuplexCall(requests, call) {
    echoMetadata(call);
    for await (const request of requests) {
      failAsAsked(request.responseStatus);
      yield* outputs(request.responseParameters);
    }
  },
  async *halfDuplexCall(requests) {
    const all = [];
    for await (const request of requests) all.push(...request.responseParameters);
    yield* outputs(all);
  },
};

async function* outputs(parameters: readonly { size: number; intervalUs: number }[]) {
  for (const { size, intervalUs } of parameters) {
    if (intervalUs > 0) await sleep(intervalUs / 1000);
    yield { payload: payload(size) };
  }
}

const payload = (size: number): Payload => ({ type: PayloadType.COMPRESSABLE, body: Buffer.alloc(size) });

function echoMetadata(call: ServiceCall): void {
  const [initial] = call.metadata.get(INITIAL);
  if (initial !== undefined) call.header({ [INITIAL]: String(initial) });
  const trailing = call.metadata.get(TRAILING);
  if (trailing.length === 0) return;
  const trailers = call.metadata.clone();
  for (const name of Object.keys(trailers.getMap())) if (name !== TRAILING) trailers.remove(name);
  call.trailer(trailers);
}

function failAsAsked(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new RpcError(status.code, status.message);
}
