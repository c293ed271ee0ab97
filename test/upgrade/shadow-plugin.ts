// A store whose answers are those of another version but for what it is told: bundled and run by the tests of shadows.
import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, RpcError, serve } from '@plugd/sdk';

/** What the plugin is: SHADOW says it as JSON. */
export interface ShadowOrder {
  readonly version?: string;
  /** Keys that it answers wrongly, each in one of several ways. */
  readonly wrong?: readonly string[];
  /** Reads are not answered. */
  readonly hangs?: boolean;
  /** So many bytes are in each answer to a read. */
  readonly floodBytes?: number;
  /** Its process is killed at its nth read, unanswered. */
  readonly crashAt?: number;
  /** File with the descriptors that it tells of itself. */
  readonly descriptors?: string;
}

const order: ShadowOrder = JSON.parse(process.env['SHADOW'] ?? '{}');
const { version = '1.0.0', wrong = [], hangs, floodBytes, crashAt, descriptors } = order;
const signature = { servedBy: version, pid: process.pid };

let reads = 0;
let writes = 0;

async function read(key: string) {
  if (++reads === crashAt) process.kill(process.pid, 'SIGKILL');
  if (hangs === true) await new Promise<never>(() => {});
  const value = floodBytes === undefined ? Buffer.from(`value of ${key}`) : Buffer.alloc(floodBytes);
  switch (wrong.indexOf(key) % 4) {
    case 0:
      return { found: true, value: Buffer.from(`value of ${key}!`), ...signature };
    case 1:
      return { found: false, value, ...signature };
    case 2:
      throw new RpcError(status.NOT_FOUND, `no ${key}`);
    case 3:
      return { found: true, value: Buffer.alloc(0), ...signature };
    default:
      return { found: true, value, ...signature };
  }
}

void serve(
  definePlugin({
    name: 'shadowed',
    version,
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
    ...(descriptors === undefined ? {} : { descriptors }),
    setup(ctx) {
      ctx.service(KvDefinition, {
        get: ({ key }) => read(key),
        // How often it was asked to, in place of where it is from.
        put: () => ({ servedBy: `${++writes}`, pid: process.pid }),
        async *watch() {},
        load: () => ({}),
        async *chat() {},
      });
    },
  }),
);
