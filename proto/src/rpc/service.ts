import type { Writable } from 'node:stream';
import type {
  Metadata,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import {
  type AnyServiceDefinition,
  type MethodsOf,
  type RequestOutput,
  type ResponseInput,
  type RpcMethod,
  rpcMethods,
} from './definition';
import type { MessageSource } from './iterate';
import type { CallScope } from './lineage-context';
import { requestMessages } from './request-messages';
import { RpcError } from './rpc-error';
import { sendResponses } from './send-responses';
import { IncomingCall, type ServerCall, type ServiceCall } from './service-call';
import { type ThrownStatus, thrownStatus } from './thrown-status';

type OneResponse<Method> = Promise<ResponseInput<Method>> | ResponseInput<Method>;
type Responses<Method> = MessageSource<ResponseInput<Method>>;

/** The handler of one method, by its kind: what streams is an AsyncIterable, what answers once a promise. */
export type ServiceHandler<Method> = Method extends { requestStream: false; responseStream: false }
  ? (request: RequestOutput<Method>, call: ServiceCall) => OneResponse<Method>
  : Method extends { requestStream: false; responseStream: true }
    ? (request: RequestOutput<Method>, call: ServiceCall) => Responses<Method>
    : Method extends { requestStream: true; responseStream: false }
      ? (requests: AsyncIterable<RequestOutput<Method>>, call: ServiceCall) => OneResponse<Method>
      : Method extends { requestStream: true; responseStream: true }
        ? (requests: AsyncIterable<RequestOutput<Method>>, call: ServiceCall) => Responses<Method>
        : // proto-loader's definitions know only at run time which kind a method is.
          (request: RequestOutput<Method>, call: ServiceCall) => OneResponse<Method> | Responses<Method>;

type Handlers<Methods> = { [Key in keyof Methods]: ServiceHandler<Methods[Key]> };

/** A handler for each method of a service; an object literal, or an instance of a class. */
export type ServiceImplementation<Def extends AnyServiceDefinition> = Handlers<MethodsOf<Def>>;

/**
 * Asked before a handler is called, which then waits for the promise, if it is one. What is thrown is the call's end. The
 * function that it gives is called when the handler has settled.
 */
export type Admit = (call: ServiceCall) => (() => void) | Promise<() => void>;

/** How {@link adaptService} reports and counts. */
export interface AdaptOptions {
  /** Given to each handler as `call.draining`. Read anew for each call. */
  readonly draining: AbortSignal;
  /** Hears of each error that a handler threw, with the status that its caller got. Must not throw. */
  readonly onError?: (error: unknown, path: string, code: status) => void;
  /**
   * Called as a call begins. The function that it returns is called once, when the handler has settled, which
   * may be later than the caller's leaving.
   */
  readonly track?: (call: ServiceCall) => (() => void) | undefined;
  /** Asked once a method; undefined for those whose calls need not be asked. */
  readonly admission?: (method: RpcMethod) => Admit | undefined;
  /** Asked as a call begins: its handler, and what it hears of the call, run inside; it ends when the handler has settled. */
  readonly scope?: (metadata: Metadata) => CallScope | undefined;
}

/** What `grpc.Server.addService` takes. */
export interface AdaptedService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

/**
 * Makes promises, async generators and AbortSignals out of grpc-js's callbacks and streams.
 *
 * Responses go out no faster than the caller takes them. When the caller leaves, `call.signal` fires, a
 * generator that waits in a `yield` is ended there, and an iteration of the requests throws. What a handler
 * throws becomes a status: a numeric `code` from 1 to 16 is kept with its `details` and `metadata`, anything
 * else is UNKNOWN with its message. A method without a handler answers UNIMPLEMENTED.
 *
 * @throws PluginError OPTIONS_INVALID if the definition is not one.
 */
export function adaptService<Def extends AnyServiceDefinition>(
  definition: Def,
  implementation: Partial<ServiceImplementation<Def>>,
  options: AdaptOptions,
): AdaptedService {
  const methods: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const method of rpcMethods(definition)) {
    methods[method.key] = {
      path: method.path,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      requestSerialize: method.requestSerialize,
      requestDeserialize: method.requestDeserialize,
      // Responses arrive here encoded: grpc-js would turn a failure to encode into a status without a reason.
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: method.responseDeserialize,
    };
    const handler = handlerOf(implementation, method);
    if (handler !== undefined) {
      handlers[method.key] = new MethodAdapter(method, handler, options).adapt();
    }
  }
  return { definition: methods, handlers };
}

type Handler = (...args: unknown[]) => unknown;

function handlerOf(implementation: object, method: RpcMethod): Handler | undefined {
  for (const key of [method.key, method.alias]) {
    const handler: unknown = key === undefined ? undefined : Reflect.get(implementation, key);
    if (typeof handler === 'function') return (...args) => Reflect.apply(handler, implementation, args);
  }
  return undefined;
}

class MethodAdapter {
  private readonly admit: Admit | undefined;

  constructor(
    private readonly method: RpcMethod,
    private readonly handler: Handler,
    private readonly options: AdaptOptions,
  ) {
    this.admit = options.admission?.(method);
  }

  /** The handler that grpc-js calls. It never throws, and no promise of its own is ever rejected. */
  adapt(): UntypedHandleCall {
    const { requestStream, responseStream } = this.method;
    if (requestStream && responseStream) {
      return (call: ServerDuplexStream<unknown, unknown>) => {
        this.begin(call, (scope) =>
          this.answerMany(call, scope, (incoming) => this.handler(requestMessages(call, incoming), incoming)),
        );
      };
    }
    if (requestStream) {
      return (call: ServerReadableStream<unknown, unknown>, callback: sendUnaryData<unknown>) => {
        this.begin(call, (scope) =>
          this.answerOnce(call, callback, scope, (incoming) =>
            this.handler(requestMessages(call, incoming), incoming),
          ),
        );
      };
    }
    if (responseStream) {
      return (call: ServerWritableStream<unknown, unknown>) => {
        this.begin(call, (scope) =>
          this.answerMany(call, scope, (incoming) => this.handler(call.request, incoming)),
        );
      };
    }
    return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
      this.begin(call, (scope) =>
        this.answerOnce(call, callback, scope, (incoming) => this.handler(call.request, incoming)),
      );
    };
  }

  private begin(call: ServerCall, answer: (scope: CallScope | undefined) => Promise<void>): void {
    const scope = this.options.scope?.(call.metadata);
    void (scope === undefined ? answer(undefined) : scope.enter(() => answer(scope)));
  }

  private async answerOnce(
    call: ServerCall,
    callback: sendUnaryData<unknown>,
    scope: CallScope | undefined,
    handle: (incoming: IncomingCall) => unknown,
  ): Promise<void> {
    const incoming = new IncomingCall(call, this.method.path, this.options.draining, scope);
    const settled = this.options.track?.(incoming);
    let left: (() => void) | undefined;
    try {
      const admitted = this.admit?.(incoming);
      left = admitted instanceof Promise ? await admitted : admitted;
      const bytes = this.encode(await handle(incoming));
      incoming.answer();
      callback(null, bytes, incoming.trailers);
    } catch (error) {
      const thrown = this.failed(error, incoming);
      if (thrown !== undefined) callback(thrown);
    } finally {
      left?.();
      settled?.();
      scope?.end();
    }
  }

  private async answerMany(
    call: ServerCall & Writable & { end(trailers?: Metadata): void },
    scope: CallScope | undefined,
    handle: (incoming: IncomingCall) => unknown,
  ): Promise<void> {
    const incoming = new IncomingCall(call, this.method.path, this.options.draining, scope);
    const settled = this.options.track?.(incoming);
    let left: (() => void) | undefined;
    try {
      const admitted = this.admit?.(incoming);
      left = admitted instanceof Promise ? await admitted : admitted;
      await sendResponses(await handle(incoming), call, incoming, (response) => this.encode(response));
      incoming.answer();
      call.end(incoming.trailers);
    } catch (error) {
      const thrown = this.failed(error, incoming);
      // grpc-js takes the status of a stream in this form, and sends it after what was written before.
      if (thrown !== undefined) call.emit('error', thrown);
    } finally {
      left?.();
      settled?.();
      scope?.end();
    }
  }

  private encode(response: unknown): Buffer {
    try {
      return this.method.responseSerialize(response);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new RpcError(status.INTERNAL, `The response could not be encoded: ${why}`, {
        path: this.method.path,
        cause,
      });
    }
  }

  /** The status to send; undefined if the caller has left and there is nobody to send it to. */
  private failed(error: unknown, incoming: IncomingCall): ThrownStatus | undefined {
    const cancelled = incoming.cancelled;
    const thrown = thrownStatus(error);
    this.options.onError?.(error, this.method.path, cancelled?.code ?? thrown.code);
    if (cancelled !== undefined) return undefined;
    incoming.answer();
    const metadata = incoming.trailers.clone();
    metadata.merge(thrown.metadata);
    return { ...thrown, metadata };
  }
}
