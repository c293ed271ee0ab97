import {
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Channel } from '../../../host/src/routing/grpc-call';
import type { ClientCompatRequest } from '../gen/connectrpc/conformance/v1/client_compat';
import {
  BidiStreamRequest,
  ClientStreamRequest,
  type ConformancePayload,
  ConformanceServiceClient,
  ServerStreamRequest,
  UnaryRequest,
} from '../gen/connectrpc/conformance/v1/service';
import { cancelPlan, Gate, requestsOf } from './call-plan';
import { toMetadata } from './headers';
import { Outcome } from './outcome';
import type { Ending } from './rpc-status';

type AnyCall = ClientUnaryCall | ClientReadableStream<unknown>;
type Answer = { readonly payload?: ConformancePayload | undefined };

/** Makes the call that the suite asks for with the stub that ts-proto generates for grpc-js. */
export async function callWithStub(channel: Channel, request: ClientCompatRequest): Promise<Outcome> {
  const stub = new ConformanceServiceClient('unused', credentials.createInsecure(), {
    channelOverride: channel,
  });
  return new StubCall(stub, request).run();
}

class StubCall {
  private readonly outcome = new Outcome();
  private readonly ended = new Gate();
  private readonly gates: Gate[];
  private readonly plan;
  private readonly metadata;
  private readonly options: CallOptions;

  constructor(
    private readonly stub: ConformanceServiceClient,
    private readonly request: ClientCompatRequest,
  ) {
    this.plan = cancelPlan(request);
    this.metadata = toMetadata(request.requestHeaders);
    this.options = request.timeoutMs === undefined ? {} : { deadline: Date.now() + request.timeoutMs };
    this.gates = request.requestMessages.map(() => new Gate());
  }

  async run(): Promise<Outcome> {
    this.begin();
    await this.ended.wait();
    return this.outcome;
  }

  private begin(): void {
    const { stub, request, metadata, options } = this;
    const only = request.requestMessages[0]?.value ?? Buffer.alloc(0);
    switch (request.method) {
      case 'Unary':
        this.one(stub.unary(UnaryRequest.decode(only), metadata, options, this.answer));
        break;
      case 'Unimplemented':
        this.one(stub.unimplemented({}, metadata, options, this.answer));
        break;
      case 'ServerStream': {
        const call = stub.serverStream(ServerStreamRequest.decode(only), metadata, options);
        this.read(call);
        this.leaveLater(call);
        break;
      }
      case 'ClientStream': {
        const call = stub.clientStream(metadata, options, this.answer);
        this.watch(call);
        void this.write(call, (bytes) => ClientStreamRequest.decode(bytes));
        break;
      }
      case 'BidiStream': {
        const call = stub.bidiStream(metadata, options);
        this.read(call);
        void this.write(call, (bytes) => BidiStreamRequest.decode(bytes));
        break;
      }
      default:
        throw new Error(`There is no method ${request.method}`);
    }
  }

  private readonly answer = (error: ServiceError | null, response?: Answer): void => {
    if (error !== null) this.end(error);
    else if (this.request.method !== 'Unimplemented') this.outcome.answered(response?.payload);
  };

  private one(call: ClientUnaryCall): void {
    this.watch(call);
    this.leaveLater(call);
  }

  private leaveLater(call: AnyCall): void {
    const { afterCloseSendMs } = this.plan;
    if (afterCloseSendMs !== undefined) setTimeout(() => call.cancel(), afterCloseSendMs);
  }

  private read(call: ClientReadableStream<Answer>): void {
    this.watch(call);
    call.on('data', ({ payload }: Answer) => {
      this.outcome.answered(payload);
      this.gates[this.outcome.payloads.length - 1]?.open();
      if (this.outcome.payloads.length === this.plan.afterResponses) call.cancel();
    });
    call.on('error', (error: ServiceError) => this.end(error));
  }

  private watch(call: AnyCall | ClientWritableStream<unknown>): void {
    call.on('metadata', (header) => this.outcome.heard(header));
    call.on('status', (ending) => {
      this.outcome.trailed(ending.metadata);
      this.end(ending);
    });
  }

  private async write<T>(call: ClientWritableStream<T>, decode: (bytes: Uint8Array) => T): Promise<void> {
    const answered = (index: number) => this.gates[index]?.wait() ?? Promise.resolve();
    for await (const one of requestsOf(this.request, decode, () => call.cancel(), answered)) call.write(one);
    call.end();
  }

  private end(ending: Ending): void {
    if (ending.code !== status.OK) this.outcome.failed(ending);
    // What the callback and the events of one call say may come in either order.
    setImmediate(() => this.ended.open());
  }
}
