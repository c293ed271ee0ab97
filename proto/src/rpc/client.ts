import type { ChannelInterface } from '@grpc/grpc-js';
import type { CallOptions } from './call-options';
import {
  type AnyServiceDefinition,
  type MethodsOf,
  type RequestInput,
  type ResponseOutput,
  type RpcMethod,
  rpcMethods,
} from './definition';
import type { MessageSource } from './iterate';
import { ResponseStream } from './response-stream';
import { callClientStream, callUnary } from './single-response';

/** One method of a promise client, by its kind: what streams is an AsyncIterable, what answers once a promise. */
export type ClientMethod<Method> = Method extends { requestStream: false; responseStream: false }
  ? (request: RequestInput<Method>, options?: CallOptions) => Promise<ResponseOutput<Method>>
  : Method extends { requestStream: false; responseStream: true }
    ? (request: RequestInput<Method>, options?: CallOptions) => AsyncIterable<ResponseOutput<Method>>
    : Method extends { requestStream: true; responseStream: false }
      ? (
          requests: MessageSource<RequestInput<Method>>,
          options?: CallOptions,
        ) => Promise<ResponseOutput<Method>>
      : Method extends { requestStream: true; responseStream: true }
        ? (
            requests: MessageSource<RequestInput<Method>>,
            options?: CallOptions,
          ) => AsyncIterable<ResponseOutput<Method>>
        : // proto-loader's definitions know only at run time which kind a method is.
          (
            request: RequestInput<Method> | MessageSource<RequestInput<Method>>,
            options?: CallOptions,
          ) => Promise<ResponseOutput<Method>> | AsyncIterable<ResponseOutput<Method>>;

type ClientMethods<Methods> = { readonly [Key in keyof Methods]: ClientMethod<Methods[Key]> };

/** A client with a method for each of a service's. */
export type PromiseClient<Def extends AnyServiceDefinition> = ClientMethods<MethodsOf<Def>>;

/**
 * A client that speaks in promises and AsyncIterables, typed from ts-proto's generic definition or a grpc-js
 * ServiceDefinition, over any grpc-js channel. The channel stays the caller's: the client never closes it.
 *
 * A call that fails rejects with an {@link RpcError}, in an iteration too. A call that streams its answers
 * begins with the first `next()`, and is cancelled when the iteration is left early. Requests are taken from
 * the caller's iterable no faster than they are sent; if it throws, the call is cancelled and rejects with
 * that error.
 *
 * @throws PluginError OPTIONS_INVALID if the definition is not one.
 */
export function createPromiseClient<Def extends AnyServiceDefinition>(
  definition: Def,
  channel: ChannelInterface,
): PromiseClient<Def> {
  const methods = rpcMethods(definition).map((method) => ({ method, call: caller(channel, method) }));
  const entries = [
    // Names before aliases in rank, so after them in order: one method's alias may be another's name.
    ...methods.flatMap(({ method, call }) => (method.alias === undefined ? [] : [[method.alias, call]])),
    ...methods.map(({ method, call }) => [method.key, call]),
  ];
  // The types say of each key what `caller` does by the method's kind; a compiler cannot follow that.
  return Object.fromEntries(entries) as unknown as PromiseClient<Def>;
}

type Caller = (request: unknown, options?: CallOptions) => Promise<unknown> | AsyncIterable<unknown>;

function caller(channel: ChannelInterface, method: RpcMethod): Caller {
  if (method.responseStream) {
    return (request, options = {}) => new ResponseStream(channel, method, request, options);
  }
  const call = method.requestStream ? callClientStream : callUnary;
  return (request, options = {}) => call(channel, method, request, options);
}
