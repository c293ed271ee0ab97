import assert from 'node:assert/strict';
import { Metadata, status } from '@grpc/grpc-js';
import type { Channel } from '../../../host/src/routing/grpc-call';
import { createPromiseClient, type PromiseClient } from '../../../proto/src/rpc/client';
import { RpcError } from '../../../proto/src/rpc/rpc-error';
import { PayloadType } from '../gen/grpc/testing/messages';
import { TestServiceDefinition, UnimplementedServiceDefinition } from '../gen/grpc/testing/test';

type TestClient = PromiseClient<typeof TestServiceDefinition>;
type Output = { payload: { body: Buffer } | undefined };

const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const LARGE = { request: 271_828, response: 314_159 };
const STATUS = { code: status.UNKNOWN, message: 'test status message' };
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP \u{1f608}\t\n';
const INITIAL = ['x-grpc-test-echo-initial', 'test_initial_metadata_value'] as const;
const TRAILING = 'x-grpc-test-echo-trailing-bin';

const payload = (size: number) => ({ type: PayloadType.COMPRESSABLE, body: Buffer.alloc(size) });
const ask = (responseSize: number, requestSize: number) => ({
  responseParameters: [{ size: responseSize }],
  payload: payload(requestSize),
});
const bodySize = (output: Output | undefined) => output?.payload?.body.length;

async function collect(outputs: AsyncIterable<Output>): Promise<(number | undefined)[]> {
  const sizes = [];
  for await (const output of outputs) sizes.push(bodySize(output));
  return sizes;
}

async function failsWith(code: status, call: Promise<unknown>): Promise<RpcError> {
  const error = await call.then(
    () => assert.fail('The call has succeeded'),
    (thrown: unknown) => thrown,
  );
  assert(error instanceof RpcError, String(error));
  assert.equal(error.codeName, status[code]);
  return error;
}

/** Gives each next request when the test says so. */
class Requests<T> implements AsyncIterable<T> {
  private readonly queue: (T | undefined)[] = [];
  private wake: () => void = () => {};

  give(request: T | undefined): void {
    this.queue.push(request);
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      while (this.queue.length === 0) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
      const next = this.queue.shift();
      if (next === undefined) return;
      yield next;
    }
  }
}

const over =
  (run: (client: TestClient) => Promise<void>) =>
  (channel: Channel): Promise<void> =>
    run(createPromiseClient(TestServiceDefinition, channel));

/** The cases that gRPC's description of its interop tests calls by these names. Each rejects if it does not hold. */
export const interopCases: Readonly<Record<string, (channel: Channel) => Promise<void>>> = {
  empty_unary: over(async (client) => {
    await client.emptyCall({});
  }),
  large_unary: over(async (client) => {
    const answer = await client.unaryCall({
      responseSize: LARGE.response,
      payload: payload(LARGE.request),
    });
    assert.equal(bodySize(answer), LARGE.response);
  }),
  client_streaming: over(async (client) => {
    const answer = await client.streamingInputCall(REQUEST_SIZES.map((size) => ({ payload: payload(size) })));
    assert.equal(answer.aggregatedPayloadSize, 74_922);
  }),
  server_streaming: over(async (client) => {
    const responseParameters = RESPONSE_SIZES.map((size) => ({ size }));
    assert.deepEqual(await collect(client.streamingOutputCall({ responseParameters })), RESPONSE_SIZES);
  }),
  ping_pong: over(async (client) => {
    const requests = new Requests<ReturnType<typeof ask>>();
    const answers = client.fullDuplexCall(requests)[Symbol.asyncIterator]();
    for (const [index, size] of RESPONSE_SIZES.entries()) {
      requests.give(ask(size, REQUEST_SIZES[index] ?? 0));
      assert.equal(bodySize((await answers.next()).value), size);
    }
    requests.give(undefined);
    assert.equal((await answers.next()).done, true);
  }),
  empty_stream: over(async (client) => {
    assert.deepEqual(await collect(client.fullDuplexCall([])), []);
  }),
  status_code_and_message: over(async (client) => {
    const unary = await failsWith(status.UNKNOWN, client.unaryCall({ responseStatus: STATUS }));
    assert.equal(unary.details, STATUS.message);
    const stream = collect(client.fullDuplexCall([{ responseStatus: STATUS }]));
    assert.equal((await failsWith(status.UNKNOWN, stream)).details, STATUS.message);
  }),
  special_status_message: over(async (client) => {
    const responseStatus = { code: status.UNKNOWN, message: SPECIAL };
    const error = await failsWith(status.UNKNOWN, client.unaryCall({ responseStatus }));
    assert.equal(error.details, SPECIAL);
  }),
  unimplemented_method: over(async (client) => {
    await failsWith(status.UNIMPLEMENTED, client.unimplementedCall({}));
  }),
  unimplemented_service: async (channel) => {
    const client = createPromiseClient(UnimplementedServiceDefinition, channel);
    await failsWith(status.UNIMPLEMENTED, client.unimplementedCall({}));
  },
  cancel_after_begin: over(async (client) => {
    const controller = new AbortController();
    const call = client.streamingInputCall(new Requests<{ payload: ReturnType<typeof payload> }>(), {
      signal: controller.signal,
    });
    controller.abort();
    await failsWith(status.CANCELLED, call);
  }),
  cancel_after_first_response: over(async (client) => {
    const controller = new AbortController();
    const requests = new Requests<ReturnType<typeof ask>>();
    const answers = client.fullDuplexCall(requests, { signal: controller.signal })[Symbol.asyncIterator]();
    requests.give(ask(31415, 27182));
    assert.equal(bodySize((await answers.next()).value), 31415);
    controller.abort();
    await failsWith(status.CANCELLED, answers.next());
  }),
  timeout_on_sleeping_server: over(async (client) => {
    const requests = new Requests<ReturnType<typeof ask>>();
    requests.give({ ...ask(31415, 27182), responseParameters: [] });
    await failsWith(status.DEADLINE_EXCEEDED, collect(client.fullDuplexCall(requests, { timeoutMs: 1 })));
  }),
  custom_metadata: over(async (client) => {
    const seen: Metadata[] = [];
    const trailing = Buffer.from([0x0a, 0x0b, 0x0a, 0x0b, 0x0a, 0x0b]);
    for (const call of ['unary', 'stream']) {
      const metadata = new Metadata();
      metadata.set(...INITIAL);
      metadata.set(TRAILING, trailing);
      const hear = (heard: Metadata) => {
        seen.push(heard);
      };
      const options = { metadata, onHeader: hear, onTrailer: hear };
      if (call === 'unary') await client.unaryCall({ responseSize: 1, payload: payload(1) }, options);
      else await collect(client.fullDuplexCall([ask(1, 1)], options));
      const [header, trailer] = seen.splice(0);
      assert.deepEqual(header?.get(INITIAL[0]), [INITIAL[1]]);
      assert.deepEqual(trailer?.get(TRAILING), [trailing]);
    }
  }),
};
