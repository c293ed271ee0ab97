import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { createHost, type Host, type LoadOptions, type Plugin } from '@plugd/host';
import {
  HealthCheckResponse_ServingStatus,
  HealthDefinition,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { ServerReflectionDefinition as V1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as V1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { PrintRequest_Target, ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { ManagedPlugin } from '../../host/src/managed-plugin';
import type { CallLimits, DrivenPlugin, DrivingHost, Left, Reflected } from './driven-plugin';
import { RecordingLogger } from './recording-logger';

/** A limit that a call never reaches unless something is wrong. */
const callTimeoutMs = 30_000;
/** So long that a plugin that had to be ended by a signal stands out. */
const stopTimeoutMs = 20_000;

/** A prime number of bytes: a piece that comes at the wrong place is seen. */
const pattern = Uint8Array.from({ length: 251 }, (_, i) => i);

/** The host under test, driven like the one in Go. */
export class TsHost implements DrivingHost {
  readonly logger = new RecordingLogger();
  readonly #host: Promise<Host>;

  /** @param contract what its plugins serve; default: both services of the samples. */
  constructor(
    options: { readonly runDir?: string } = {},
    private readonly contract: NonNullable<LoadOptions['contract']> = [KvDefinition, ProbeDefinition],
  ) {
    this.#host = createHost({ ...options, logger: this.logger });
    this.#host.catch(() => {});
  }

  async start(options: Parameters<DrivingHost['start']>[0]): Promise<DrivenPlugin> {
    const { command, autoMtls, multiplex = false, versions, env = {} } = options;
    const host = await this.#host;
    const kv = await host.load({
      name: 'kv',
      version: command.includes('v2') ? '2.0.0' : '1.0.0',
      command,
      env,
      autoMtls,
      multiplex,
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: versions },
      contract: this.contract,
      // Nor does the Go host start a plugin anew by itself.
      restart: { policy: 'never' },
      // Calls without an end are cut soon, as the Go host does at once.
      drainTimeoutMs: 200,
      stopTimeoutMs,
    });
    return driven(kv, this.logger);
  }

  async close(): Promise<void> {
    await (await this.#host).close();
  }
}

function driven(plugin: Plugin, logger: RecordingLogger): DrivenPlugin {
  // How a process ended is told by what only the host itself sees of a plugin.
  const launched = plugin instanceof ManagedPlugin ? plugin.serving?.first?.instance.launched : undefined;
  const { protocolVersion } = plugin.status();
  if (launched === undefined || protocolVersion === undefined) throw new Error('the plugin is down');
  const { pid, network, address } = launched.record;
  const limits = { timeoutMs: callTimeoutMs };
  const kv = plugin.client(KvDefinition);
  const probe = plugin.client(ProbeDefinition);
  const left = (forced: boolean): Left | undefined =>
    launched.exit && { forced, code: launched.exit.code, signal: launched.exit.signal };

  return {
    pid,
    protocolVersion,
    network,
    address,
    async get(key) {
      const answer = await kv.get({ key }, limits);
      return { ...answer, value: Buffer.from(answer.value).toString() };
    },
    put: (key, value) => kv.put({ key, value: Buffer.from(value) }, limits),
    async watch({ key, count, intervalMs = 0, take = Number.POSITIVE_INFINITY }) {
      const items = [];
      for await (const item of kv.watch({ key, count, intervalMs }, limits)) {
        items.push({ ...item, value: Buffer.from(item.value).toString() });
        if (items.length >= take) break;
      }
      return items;
    },
    load: (count) =>
      kv.load(
        numbers(count).map((i) => ({ key: `load-${i}`, value: Buffer.from(`value-${i}`) })),
        limits,
      ),
    async chat(count) {
      const items: { sequence: number; text: string; servedBy: string; pid: number }[] = [];
      let answered = (): void => {};
      async function* messages() {
        for (const sequence of numbers(count)) {
          const answer = new Promise<void>((resolve) => {
            answered = resolve;
          });
          yield { sequence, text: `message-${sequence}` };
          await answer;
        }
      }
      for await (const item of kv.chat(messages(), limits)) {
        items.push(item);
        answered();
      }
      return items;
    },
    async echo(size) {
      const payload = Buffer.alloc(size, pattern);
      const answer = await probe.echo({ payload }, limits);
      if (!payload.equals(answer.payload)) throw new Error(`${size} bytes came back changed`);
      return answer.payload.length;
    },
    async print(target, text) {
      const to = target === 'stdout' ? PrintRequest_Target.TARGET_STDOUT : PrintRequest_Target.TARGET_STDERR;
      await probe.print({ target: to, text }, limits);
    },
    log: async (level, message, fields) => void (await probe.log({ level, message, fields }, limits)),
    fail: async (code, message) => void (await probe.fail({ code, message }, limits)),
    sleep: async (durationMs, { timeoutMs = callTimeoutMs, cancelAfterMs }: CallLimits = {}) => {
      const signal = cancelAfterMs === undefined ? {} : { signal: AbortSignal.timeout(cancelAfterMs) };
      await probe.sleep({ durationMs }, { timeoutMs, ...signal });
    },
    inspect: ({ environment = [], metadata = {} } = {}) =>
      probe.inspect({ environment: [...environment] }, { ...limits, metadata }),
    async health(service) {
      const { status } = await plugin.client(HealthDefinition).check({ service }, limits);
      return HealthCheckResponse_ServingStatus[status] ?? String(status);
    },
    reflect: async (symbol) => ({
      v1: await reflect(plugin, V1, symbol),
      v1alpha: await reflect(plugin, V1Alpha, symbol),
    }),
    // Records are lines: what was printed is what they say, each with its end.
    printed: async () => ({
      stdout: lines(logger.printed('stdout')),
      stderr: lines(logger.printed('stderr')),
    }),
    logs: async () => logger.records,
    async stop() {
      const begun = performance.now();
      await plugin.stop();
      const exit = left(performance.now() - begun >= stopTimeoutMs);
      if (exit === undefined) throw new Error('stop() resolved before the process had ended');
      return exit;
    },
    left: async () => left(false),
  };
}

async function reflect(
  plugin: Plugin,
  definition: typeof V1 | typeof V1Alpha,
  symbol: string,
): Promise<Reflected> {
  const services: string[] = [];
  const files: Reflected['files'][number][] = [];
  const requests = [
    { messageRequest: { $case: 'listServices' as const, value: '' } },
    { messageRequest: { $case: 'fileContainingSymbol' as const, value: symbol } },
  ];
  const stream = plugin.client(definition).serverReflectionInfo(requests, { timeoutMs: callTimeoutMs });
  for await (const { messageResponse } of stream) {
    if (messageResponse?.$case === 'listServicesResponse') {
      services.push(...messageResponse.value.service.map(({ name }) => name));
    } else if (messageResponse?.$case === 'fileDescriptorResponse') {
      for (const bytes of messageResponse.value.fileDescriptorProto) {
        const file = fromBinary(FileDescriptorProtoSchema, bytes);
        files.push({
          name: file.name,
          package: file.package,
          services: file.service.map(({ name }) => name),
        });
      }
    } else if (messageResponse?.$case === 'errorResponse') {
      const { errorCode, errorMessage } = messageResponse.value;
      return { services, files, error: `reflection answers ${errorCode}: ${errorMessage}` };
    }
  }
  return { services, files };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
