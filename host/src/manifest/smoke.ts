import { status } from '@grpc/grpc-js';
import { toJsonValue } from '@plugd/protocol/json-value';
import type { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import type { Contract } from '../contract/contract';
import { MessageJson, MessageMismatch } from '../contract/message-json';
import type { MethodContract } from '../contract/method-contract';
import type { Instance } from '../instance/instance';
import { callRaw } from '../strategies/raw-call';
import { missingIn } from './answer-match';
import type { SmokeCall } from './manifest';
import { formatPath } from './problem';

const usualTimeoutMs = 5_000;

/** Makes the calls, one after the other. Throws PluginError SMOKE_FAILED at the first that does not end as it should. */
export async function makeSmokeCalls(
  instance: Instance,
  calls: readonly SmokeCall[],
  signal: AbortSignal,
): Promise<void> {
  if (calls.length === 0) return;
  const contract = await instance.contract();
  const messages = new MessageJson(contract);
  for (const [index, call] of calls.entries()) {
    if (signal.aborted) throw signal.reason;
    const problem = await problemOf(instance, call, { contract, messages }, signal);
    if (problem !== undefined) throw failed(instance, index, call, problem);
  }
}

interface Descriptors {
  readonly contract: Contract;
  readonly messages: MessageJson;
}

/** What is wrong with its end, in a sentence; undefined: nothing. */
async function problemOf(
  instance: Instance,
  { method: name, request = {}, answer, status: wanted = 'OK', timeoutMs = usualTimeoutMs }: SmokeCall,
  { contract, messages }: Descriptors,
  signal: AbortSignal,
): Promise<string | undefined> {
  const method = contract.method(`/${name}`);
  if (method === undefined) return 'the plugin has no such method, or does not tell of it';
  const { inputType, outputType } = method;
  if (inputType === undefined || outputType === undefined) return 'its messages are not known';
  if (!isUnary(method)) return 'it is a stream';
  try {
    // A mistyped field would be missed in each answer.
    if (answer !== undefined) messages.encode(outputType, toJsonValue(answer));
    const bytes = messages.encode(inputType, toJsonValue(request));
    const { channel } = instance.connection;
    const { code, details, message } = await callRaw(channel, {
      path: method.path,
      request: bytes,
      timeoutMs,
      signal,
    });
    const ended = status[code] ?? String(code);
    const said = details === '' ? '' : ` (${printable(details, 200)})`;
    if (ended !== wanted) return `it ended with ${ended}${said}, and not with ${wanted}`;
    if (answer === undefined || message === undefined) return undefined;
    return missingIn(messages.decode(outputType, message), answer);
  } catch (error) {
    if (!(error instanceof MessageMismatch)) throw error;
    const { path, message } = error;
    return path.length === 0 ? message : `${formatPath(path)}: ${message}`;
  }
}

function isUnary({ requestStream, responseStream }: MethodContract): boolean {
  return !requestStream && !responseStream;
}

function failed(instance: Instance, index: number, { method }: SmokeCall, problem: string): PluginError {
  const { plugin, version } = instance.identity;
  return instance.launched.error(
    'SMOKE_FAILED',
    `Smoke call ${index + 1} of plugin ${plugin} ${version}, to ${method}, failed: ${problem}.`,
    { facts: { plugin, version, call: index + 1, method, problem } },
  );
}
