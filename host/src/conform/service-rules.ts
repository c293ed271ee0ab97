import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import {
  HealthDefinition,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { ServerReflectionDefinition as ReflectionV1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as ReflectionV1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { GRPCBrokerDefinition } from '@plugd/protocol/gen/plugin/grpc_broker';
import { GRPCStdioDefinition } from '@plugd/protocol/gen/plugin/grpc_stdio';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { type Finding, fail, pass, type Rule, verdict, warn } from './rule';
import type { Session } from './session';

const section = 'services';
const connected = ['connection.answers'];
/** A stream that is refused is refused within this; what is open then stays open. */
const OPEN_MS = 300;

/** What every plugin serves beside its own services. */
export const serviceRules: readonly Rule<Session>[] = [
  {
    id: 'connection.answers',
    rule: 'A gRPC server answers at the address, over all that the mode asks for.',
    section,
    expected: 'an HTTP/2 connection',
    needs: [
      'handshake.core',
      'handshake.protocol',
      'handshake.certificate',
      'handshake.seventh',
      'address.place',
      'tls.host',
    ],
    check: async (session) => {
      const why = await session.connect();
      return why === undefined ? pass('connected') : fail(why);
    },
  },
  {
    id: 'health.plugin',
    rule: 'The health service knows the service "plugin": it is what hosts ask for.',
    section,
    expected: 'SERVING',
    needs: connected,
    check: (session) => health(session, 'plugin'),
  },
  {
    id: 'health.server',
    rule: 'It answers for the server as a whole, whose name is empty.',
    section,
    expected: 'SERVING',
    needs: ['health.plugin'],
    check: (session) => health(session, ''),
  },
  {
    id: 'health.unknown',
    rule: 'It says of a service that there is none.',
    section,
    expected: 'NOT_FOUND',
    needs: ['health.plugin'],
    check: async (session) => {
      const { seen } = await health(session, 'plugd.conform.NoSuchService');
      return verdict(seen.startsWith('NOT_FOUND'), seen);
    },
  },
  {
    id: 'reflection.v1',
    rule: 'Reflection tells which services there are.',
    section,
    expected: 'a list of services; optional',
    needs: connected,
    check: (session) => reflection(session, ReflectionV1),
  },
  {
    id: 'reflection.v1alpha',
    rule: 'So does the version of reflection that older tools ask.',
    section,
    expected: 'a list of services; optional',
    needs: connected,
    check: (session) => reflection(session, ReflectionV1Alpha),
  },
  {
    id: 'stdio.stream',
    rule: 'The stdio service streams what the plugin prints, until the host leaves.',
    section: 'stdio',
    expected: 'an open stream; optional',
    needs: connected,
    check: ({ channel, ended }) =>
      staysOpen(createPromiseClient(GRPCStdioDefinition, channel).streamStdio({}, { signal: ended.signal })),
  },
  {
    id: 'broker.stream',
    rule: 'The broker’s stream, by which further connections are agreed on, stays open as long as the host’s end.',
    section: 'broker',
    expected: 'an open stream; optional',
    needs: connected,
    check: ({ channel, ended: { signal } }) =>
      staysOpen(
        createPromiseClient(GRPCBrokerDefinition, channel).startStream(untilAborted(signal), { signal }),
      ),
  },
];

async function health({ channel, limitMs }: Session, service: string): Promise<Finding> {
  try {
    const client = createPromiseClient(HealthDefinition, channel);
    const answer = await client.check({ service }, { timeoutMs: limitMs });
    return verdict(answer.status === Serving.SERVING, Serving[answer.status] ?? `status ${answer.status}`);
  } catch (error) {
    return fail(describe(error));
  }
}

async function reflection(
  { channel, limitMs }: Session,
  definition: typeof ReflectionV1 | typeof ReflectionV1Alpha,
): Promise<Finding> {
  const requests = [{ messageRequest: { $case: 'listServices' as const, value: '' } }];
  try {
    const client = createPromiseClient(definition, channel);
    for await (const { messageResponse } of client.serverReflectionInfo(requests, { timeoutMs: limitMs })) {
      if (messageResponse?.$case !== 'listServicesResponse') return fail('an answer to another question');
      return pass(messageResponse.value.service.map(({ name }) => name).join(', '));
    }
    return fail('no answer');
  } catch (error) {
    return lacking(error);
  }
}

/** The stream is left open, and read so that nothing is held up. */
async function staysOpen(stream: AsyncIterable<unknown>): Promise<Finding> {
  let messages = 0;
  const read = async (): Promise<Finding> => {
    try {
      for await (const _ of stream) messages += 1;
      return fail('the stream ended by itself');
    } catch (error) {
      return lacking(error);
    }
  };
  return Promise.race([read(), sleep(OPEN_MS).then(() => pass(`open, with ${messages} messages so far`))]);
}

async function* untilAborted(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A service that is not there is no fault where it is optional; any other error is one. */
function lacking(error: unknown): Finding {
  const missing = error instanceof RpcError && error.code === status.UNIMPLEMENTED;
  return missing ? warn('the plugin does not have it') : fail(describe(error));
}

function describe(error: unknown): string {
  return error instanceof RpcError ? `${error.codeName}: ${error.details}` : String(error);
}
