import { setTimeout as sleep } from 'node:timers/promises';
import { ServerReflectionDefinition as ReflectionV1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as ReflectionV1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { GRPCStdioDefinition } from '@plugd/protocol/gen/plugin/grpc_stdio';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { health, lacking, OPEN_MS } from './inquiry';
import { type Finding, fail, pass, type Rule, verdict } from './rule';
import type { Session } from './session';

const section = 'services';
const connected = ['connection.answers'];

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
    check: (session) => health(session.channel, 'plugin', session.limitMs),
  },
  {
    id: 'health.server',
    rule: 'It answers for the server as a whole, whose name is empty.',
    section,
    expected: 'SERVING',
    needs: ['health.plugin'],
    check: (session) => health(session.channel, '', session.limitMs),
  },
  {
    id: 'health.unknown',
    rule: 'It says of a service that there is none.',
    section,
    expected: 'NOT_FOUND',
    needs: ['health.plugin'],
    check: async (session) => {
      const { seen } = await health(session.channel, 'plugd.conform.NoSuchService', session.limitMs);
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
];

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
