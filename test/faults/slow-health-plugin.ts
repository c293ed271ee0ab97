// A plugin that takes its time for every answer to a health check: bundled and run by host-stalls.test.ts. Of some
// such plugins there is always one that is being asked, so that a host never stands still at a good moment.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { PLUGIN_UNIX_SOCKET_DIR } from '@plugd/protocol/environment';
import {
  HealthCheckResponse_ServingStatus,
  type HealthServer,
  HealthService,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { formatHandshakeLine } from '@plugd/protocol/handshake-line';
import { adaptService } from '@plugd/protocol/rpc/service';
import { kvService } from '../unit/rpc/local-kv';

const answerMs = Number(process.env['HEALTH_MS'] ?? 0);
const address = join(process.env[PLUGIN_UNIX_SOCKET_DIR] ?? '/tmp', `slow-${randomBytes(6).toString('hex')}`);

const health: HealthServer = {
  check: (_, answer) => {
    setTimeout(() => answer(null, { status: HealthCheckResponse_ServingStatus.SERVING }), answerMs);
  },
  list: (_, answer) => answer(null, { statuses: {} }),
  watch: (call) => void call.end(),
};

const server = new Server();
const kv = kvService();
const { definition, handlers } = adaptService(
  KvDefinition,
  { ...kv, get: () => ({ found: false, servedBy: 'slow', pid: process.pid }) },
  { draining: new AbortController().signal },
);
server.addService(HealthService, health);
server.addService(definition, handlers);
server.bindAsync(`unix:${address}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  const line = { coreVersion: 1, appVersion: 1, network: 'unix', address, protocol: 'grpc' } as const;
  process.stdout.write(formatHandshakeLine({ ...line, certificate: '', multiplex: undefined }));
});
