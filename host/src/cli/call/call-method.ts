import { Channel, credentials, type Metadata, status } from '@grpc/grpc-js';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import type { JsonValue } from '@plugd/protocol/json-value';
import { MESSAGE_LIMIT_BYTES } from '@plugd/protocol/message-limit';
import { PluginError } from '@plugd/protocol/plugin-error';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { MessageSource } from '@plugd/protocol/rpc/iterate';
import type { MetadataInit } from '@plugd/protocol/rpc/metadata';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { Contract } from '../../contract/contract';
import { MessageJson, MessageMismatch } from '../../contract/message-json';
import type { MethodContract } from '../../contract/method-contract';
import { methodName } from './find-method';
import { mismatched, type TypedRequest } from './requests';

export interface MethodCall {
  /** As the daemon tells it: `unix:/path` or `host:port`. */
  readonly frontDoor: string;
  readonly contract: Contract;
  readonly method: MethodContract;
  readonly requests: AsyncIterable<TypedRequest>;
  readonly metadata: MetadataInit;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
  readonly onHeader?: (metadata: Metadata) => void;
  readonly onTrailer?: (metadata: Metadata) => void;
}

/**
 * Makes a call by JSON, of whichever kind, and gives its answers as JSON.
 *
 * @throws PluginError REQUEST_INVALID, before anything is sent where there is one request; CALL_FAILED
 */
export async function* callMethod(call: MethodCall): AsyncGenerator<JsonValue, void, undefined> {
  const { method, contract, requests } = call;
  const { inputType, outputType } = method;
  if (inputType === undefined || outputType === undefined) throw untold(method);
  const json = new MessageJson(contract);
  const channel = openChannel(call.frontDoor);
  try {
    const encoded = encode(requests, json, inputType);
    const source = method.requestStream ? encoded : await theOne(encoded, () => json.encode(inputType, {}));
    for await (const answer of answersOf(channel, call, source)) yield decode(json, outputType, answer);
  } catch (error) {
    throw error instanceof RpcError ? callFailed(error, method) : error;
  } finally {
    channel.close();
  }
}

type Bytes = Uint8Array;

async function* answersOf(
  channel: Channel,
  { method, metadata, timeoutMs, signal, onHeader, onTrailer }: MethodCall,
  request: Bytes | MessageSource<Bytes>,
): AsyncGenerator<Bytes, void, undefined> {
  const { path, requestStream, responseStream } = method;
  const bytes = {
    requestSerialize: buffer,
    requestDeserialize: same,
    responseSerialize: buffer,
    responseDeserialize: same,
  };
  const { call } = createPromiseClient({ call: { path, requestStream, responseStream, ...bytes } }, channel);
  if (call === undefined) return;
  const answer = call(request, {
    metadata,
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(onHeader === undefined ? {} : { onHeader }),
    ...(onTrailer === undefined ? {} : { onTrailer }),
  });
  if (answer instanceof Promise) yield await answer;
  else yield* answer;
}

function buffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function same(bytes: Buffer): Bytes {
  return bytes;
}

async function* encode(
  requests: AsyncIterable<TypedRequest>,
  json: MessageJson,
  type: string,
): AsyncGenerator<Bytes, void, undefined> {
  for await (const { value, where } of requests) {
    try {
      yield json.encode(type, value);
    } catch (error) {
      throw error instanceof MessageMismatch ? mismatched(error, where) : error;
    }
  }
}

/** Of a method with one request. Nothing was typed: an empty one. */
async function theOne(requests: AsyncIterable<Bytes>, empty: () => Bytes): Promise<Bytes> {
  let one: Bytes | undefined;
  for await (const request of requests) {
    if (one !== undefined) {
      throw new PluginError('REQUEST_INVALID', 'The method takes one request, and there are more.');
    }
    one = request;
  }
  return one ?? empty();
}

function decode(json: MessageJson, type: string, bytes: Bytes): JsonValue {
  try {
    return json.decode(type, bytes);
  } catch (error) {
    if (!(error instanceof MessageMismatch)) throw error;
    throw new PluginError('CALL_FAILED', `The answer is no ${type}: ${error.message}.`, {
      facts: { type },
      hint: 'The descriptors are not those of the version that answers.',
    });
  }
}

/** The status is the plugin's answer, unless a code says that plugd ended the call. */
function callFailed(error: RpcError, method: MethodContract): PluginError {
  const { code, codeName, details, metadata, pluginCode, executed } = error;
  const name = methodName(method);
  return new PluginError('CALL_FAILED', `${name} ended with ${codeName}: ${details || '(no details)'}.`, {
    facts: {
      method: name,
      status: codeName,
      code,
      details,
      trailers: metadata.getMap(),
      ...(pluginCode === undefined ? {} : { pluginCode }),
      ...(executed === undefined ? {} : { executed }),
    },
    hint: hints[codeName] ?? 'This is what the plugin answered.',
    cause: error,
  });
}

const hints: Readonly<Record<string, string>> = {
  [status[status.DEADLINE_EXCEEDED]]: 'The call had no answer in time; --timeout gives it longer.',
  [status[status.UNIMPLEMENTED]]:
    'The version that answers has no such method, or its service is not public.',
  [status[status.UNAVAILABLE]]: '`plugd status` tells whether the plugin serves.',
};

function untold(method: MethodContract): PluginError {
  const summary = `Nothing is known of the messages of ${methodName(method)}.`;
  return new PluginError('METHOD_NOT_FOUND', summary, {
    hint: 'Let the plugin answer reflection, name its contract in its manifest, or give --descriptors.',
  });
}

function openChannel(frontDoor: string): Channel {
  const target = frontDoor.startsWith('unix:')
    ? grpcTarget('unix', frontDoor.slice('unix:'.length))
    : grpcTarget('tcp', frontDoor);
  return new Channel(target, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MESSAGE_LIMIT_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
  });
}
