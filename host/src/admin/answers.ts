import { AdminDefinition } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { type JsonObject, toJsonValue } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import { isRecord } from '../instance/option-check';
import { toRpcError } from './error-wire';
import { isStruct } from './struct';

/** Takes secrets out of what is told. */
export interface Redaction {
  redact(text: string): string;
  /** Of a value in JSON's form; bytes are left as they are. */
  redactJson<T>(value: T): T;
  /** The same, with the names of its first level as they are. */
  redactDocument(document: JsonObject): JsonObject;
}

/** Fields of answers, and cases of `update`, that are documents in JSON's form of plugd's own; a log record's are its plugin's. */
export const documents: ReadonlySet<string> = new Set([
  ...['snapshot', 'options', 'event', 'plan'],
  ...['progress', 'report', 'error'],
]);
export const foreignDocument = 'fields';

type Handler = (request: unknown, call: ServiceCall) => unknown;

/**
 * The same handlers, with what they throw as a whole in the call's status, and without secrets in what they answer or throw: an
 * error may have the last words of a plugin among its facts.
 */
export function answering(
  handlers: ServiceImplementation<AdminDefinition>,
  redaction: Redaction,
): ServiceImplementation<AdminDefinition> {
  const streams: Readonly<Record<string, { readonly responseStream: boolean }>> = AdminDefinition.methods;
  const wrap = (handler: Handler, isStream: boolean): Handler => {
    const thrown = (error: unknown) => toRpcError(redactedError(error, redaction));
    if (!isStream) {
      return async (request, call) => {
        try {
          return redactedMessage(await handler(request, call), redaction);
        } catch (error) {
          throw thrown(error);
        }
      };
    }
    return async function* (request, call) {
      try {
        const answers = handler(request, call);
        if (!isAsyncIterable(answers)) throw new Error('a stream of answers is none');
        for await (const answer of answers) yield redactedMessage(answer, redaction);
      } catch (error) {
        throw thrown(error);
      }
    };
  };
  // Each takes and gives what it did before, which a compiler can't follow through a list of entries.
  return Object.fromEntries(
    Object.entries(handlers).map(([key, handler]) => [
      key,
      wrap(handler as Handler, streams[key]?.responseStream === true),
    ]),
  ) as unknown as ServiceImplementation<AdminDefinition>;
}

/** A message's names are its type's, whatever else they are: a secret may be an ordinary word. */
function redactedMessage(value: unknown, redaction: Redaction): unknown {
  if (Array.isArray(value)) return value.map((one) => redactedMessage(one, redaction));
  if (!isRecord(value) || value instanceof Uint8Array) return redaction.redactJson(value);
  const { $case: which } = value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (key === '$case') return [key, one];
      const name = key === 'value' && typeof which === 'string' ? which : key;
      if (name === foreignDocument) return [key, redaction.redactJson(one)];
      if (documents.has(name) && isStruct(one)) return [key, redaction.redactDocument(one)];
      return [key, redactedMessage(one, redaction)];
    }),
  );
}

function redactedError(error: unknown, redaction: Redaction): unknown {
  const redact = (text: string) => redaction.redact(text);
  if (!(error instanceof PluginError)) {
    return error instanceof Error && redact(error.message) !== error.message
      ? new Error(redact(error.message))
      : error;
  }
  const { code, summary, hint, cause } = error;
  return new PluginError(code, redact(summary), {
    facts: redaction.redactDocument(factsOf(error)),
    hint: redact(hint),
    ...(cause === undefined
      ? {}
      : { cause: new Error(redact(cause instanceof Error ? cause.message : String(cause))) }),
  });
}

function factsOf({ facts }: PluginError): JsonObject {
  const plain = toJsonValue(facts);
  return isStruct(plain) ? plain : {};
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
