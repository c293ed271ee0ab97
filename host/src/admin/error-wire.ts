import { status } from '@grpc/grpc-js';
import { type ErrorCode, errorCodes } from '@plugd/protocol/error-codes';
import { type JsonObject, type JsonValue, toJsonValue } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import { CODE_TRAILER, RpcError } from '@plugd/protocol/rpc/rpc-error';

/** The trailer that carries a PluginError as a whole: JSON, as {@link errorDocument} makes it. */
export const ERROR_TRAILER = 'plugd-error-bin';

/** Peers refuse headers beyond 8 to 64 KiB, and base64 makes four bytes of three. */
const trailerBytes = 5_000;
const shortText = 300;

/** What another process is told of an error; one that is no PluginError has no code. */
export function errorDocument(error: unknown): JsonObject {
  if (!(error instanceof PluginError)) return { summary: messageOf(error) };
  const { code, summary, hint, cause } = error;
  return {
    code,
    summary,
    facts: toJsonValue(error.facts),
    hint,
    ...(cause === undefined ? {} : { cause: messageOf(cause) }),
  };
}

/**
 * The error that a document tells of. Undefined where this release doesn't know its code, or it is none: its sentence is
 * `summary` all the same.
 */
export function errorFromDocument(document: unknown): PluginError | undefined {
  if (!isObject(document)) return undefined;
  const { code, summary, facts, hint, cause } = document;
  if (typeof code !== 'string' || !isErrorCode(code) || typeof summary !== 'string') return undefined;
  return new PluginError(code, summary, {
    facts: isObject(facts) ? facts : {},
    ...(typeof hint === 'string' ? { hint } : {}),
    ...(typeof cause === 'string' ? { cause: new Error(cause) } : {}),
  });
}

/** How a call ends that has thrown this. What grpc-js is to send is an RpcError; one that is thrown stays what it is. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (!(error instanceof PluginError))
    return new RpcError(status.INTERNAL, messageOf(error), { cause: error });
  return new RpcError(statusOf(error), error.summary, {
    metadata: { [CODE_TRAILER]: error.code, [ERROR_TRAILER]: fitting(errorDocument(error)) },
    cause: error,
  });
}

/** The error behind a call that a daemon has refused; undefined where it was not the daemon that ended it. */
export function fromRpcError(error: unknown): PluginError | undefined {
  if (!(error instanceof RpcError)) return undefined;
  const [sent] = error.metadata.get(ERROR_TRAILER);
  if (sent === undefined) return undefined;
  try {
    return errorFromDocument(JSON.parse(sent.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** The whole of it where it fits; else with its texts cut, and with the largest facts left out. */
function fitting(document: JsonObject): Buffer {
  const whole = Buffer.from(JSON.stringify(document));
  if (whole.length <= trailerBytes) return whole;
  const { facts, ...rest } = document;
  const short = cutTexts(rest);
  const kept = isObject(facts)
    ? Object.entries(facts).map(([name, value]) => [name, cutTexts(value)] as const)
    : [];
  for (;;) {
    const bytes = Buffer.from(
      JSON.stringify({ ...(isObject(short) ? short : {}), facts: Object.fromEntries(kept) }),
    );
    if (bytes.length <= trailerBytes || kept.length === 0) return bytes;
    const sizes = kept.map(([, value]) => JSON.stringify(value).length);
    kept.splice(sizes.indexOf(Math.max(...sizes)), 1);
  }
}

function cutTexts(value: JsonValue | undefined): JsonValue {
  if (typeof value === 'string') return value.length > shortText ? `${value.slice(0, shortText)}…` : value;
  if (Array.isArray(value)) return value.slice(-20).map(cutTexts);
  if (!isObject(value)) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, cutTexts(one)]));
}

const notFound: readonly string[] = ['PLUGIN_NOT_FOUND', 'OPERATION_NOT_FOUND', 'SNAPSHOT_NOT_FOUND'];

function statusOf({ code, fault }: PluginError): status {
  if (code === 'OPTIONS_INVALID') return status.INVALID_ARGUMENT;
  if (notFound.includes(code)) return status.NOT_FOUND;
  if (code === 'NAME_TAKEN') return status.ALREADY_EXISTS;
  if (code === 'ABORTED') return status.ABORTED;
  if (code === 'HOST_CLOSED') return status.UNAVAILABLE;
  return fault === 'host' ? status.INTERNAL : status.FAILED_PRECONDITION;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
