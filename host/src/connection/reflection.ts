import { type ChannelInterface, status } from '@grpc/grpc-js';
import { ServerReflectionDefinition as V1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as V1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';

/** How long a question may take, and who may give it up. */
export interface ReflectionLimit {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** The two versions of reflection have the same messages. */
type Version = typeof V1 | typeof V1Alpha;

export type ReflectionQuestion =
  | { readonly $case: 'listServices'; readonly value: string }
  | { readonly $case: 'fileContainingSymbol'; readonly value: string }
  | { readonly $case: 'fileByFilename'; readonly value: string };

/** What a plugin is asked with once it is known which version it has. */
export interface ReflectionAnswers {
  /** Full names of the services that the plugin says it has. */
  readonly services: string[];
  /** FileDescriptorProtos in bytes, for each question that had an answer; ends with the last question's. */
  files(
    questions: readonly ReflectionQuestion[],
    limit: ReflectionLimit,
  ): AsyncIterable<readonly Uint8Array[]>;
}

/** The services that a plugin says it has; undefined if it has no reflection to say it with. */
export async function listServices(
  channel: ChannelInterface,
  limit: ReflectionLimit,
): Promise<string[] | undefined> {
  return (await openReflection(channel, limit))?.services;
}

/** Asks for the services; undefined if the plugin has no reflection. Rejects with an RpcError if it can't be asked. */
export async function openReflection(
  channel: ChannelInterface,
  limit: ReflectionLimit,
): Promise<ReflectionAnswers | undefined> {
  for (const version of [V1, V1Alpha]) {
    try {
      for await (const answer of converse(channel, version, [{ $case: 'listServices', value: '' }], limit)) {
        if (answer?.$case !== 'listServicesResponse') return undefined;
        return {
          services: answer.value.service.map(({ name }) => name),
          files: (questions, filesLimit) => files(channel, version, questions, filesLimit),
        };
      }
      return undefined;
    } catch (error) {
      if (error instanceof RpcError && error.code === status.UNIMPLEMENTED) continue;
      throw error;
    }
  }
  return undefined;
}

async function* files(
  channel: ChannelInterface,
  version: Version,
  questions: readonly ReflectionQuestion[],
  limit: ReflectionLimit,
): AsyncGenerator<readonly Uint8Array[]> {
  for await (const answer of converse(channel, version, questions, limit)) {
    if (answer?.$case === 'fileDescriptorResponse') yield answer.value.fileDescriptorProto;
  }
}

/** One stream: an answer to each question, and not one more, whatever the plugin would like to send. */
async function* converse(
  channel: ChannelInterface,
  version: Version,
  questions: readonly ReflectionQuestion[],
  limit: ReflectionLimit,
) {
  if (questions.length === 0) return;
  const requests = questions.map((messageRequest) => ({ messageRequest }));
  let left = questions.length;
  for await (const answer of createPromiseClient(version, channel).serverReflectionInfo(requests, limit)) {
    yield answer.messageResponse;
    if (--left === 0) return;
  }
}
