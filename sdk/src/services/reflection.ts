import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import type { DescriptorFile, DescriptorIndex } from './descriptor-index';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** Numbers of gRPC statuses, as reflection carries them inside an answer. */
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;

/** What reflection asks of the plugin. */
export interface Reflected {
  /** Full names of all services, built-in ones too. */
  serviceNames(): string[];
  /** Read when it is first asked for. */
  descriptors(): Promise<DescriptorIndex>;
}

/**
 * One conversation with a reflection client, in the manner of Go servers: a file comes with all that it
 * imports, except for what went out in this conversation already. The two versions of the service have the
 * same messages.
 */
export async function* reflect(
  requests: AsyncIterable<ServerReflectionRequest>,
  reflected: Reflected,
): AsyncGenerator<ServerReflectionResponse> {
  const sent = new Set<DescriptorFile>();
  for await (const request of requests) {
    yield {
      validHost: request.host,
      originalRequest: request,
      messageResponse: await answer(request, reflected, sent),
    };
  }
}

async function answer(
  { messageRequest: asked }: ServerReflectionRequest,
  reflected: Reflected,
  sent: Set<DescriptorFile>,
): Promise<Answer> {
  if (asked === undefined) return failure(UNIMPLEMENTED, 'the request asks for nothing that is known here');
  if (asked.$case === 'listServices') {
    const service = reflected.serviceNames().map((name) => ({ name }));
    return { $case: 'listServicesResponse', value: { service } };
  }
  let index: DescriptorIndex;
  try {
    index = await reflected.descriptors();
  } catch (error) {
    return failure(INTERNAL, error instanceof Error ? error.message : String(error));
  }
  switch (asked.$case) {
    case 'fileByFilename':
      return files(index, index.file(asked.value), sent, `file ${asked.value}`);
    case 'fileContainingSymbol':
      return files(index, index.fileOf(asked.value), sent, `symbol ${asked.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const file = index.fileOfExtension(containingType, extensionNumber);
      return files(index, file, sent, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionNumbers(asked.value);
      if (extensionNumber === undefined) return failure(NOT_FOUND, `type ${asked.value} is not known`);
      const value = { baseTypeName: asked.value, extensionNumber };
      return { $case: 'allExtensionNumbersResponse', value };
    }
  }
}

function files(
  index: DescriptorIndex,
  file: DescriptorFile | undefined,
  sent: Set<DescriptorFile>,
  what: string,
): Answer {
  if (file === undefined) return failure(NOT_FOUND, `${what} is not known`);
  // The file itself goes out each time: it was asked for.
  const fresh = index.closure(file).filter((one) => one === file || !sent.has(one));
  for (const one of fresh) sent.add(one);
  const fileDescriptorProto = fresh.map(({ bytes }) => bytes);
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
