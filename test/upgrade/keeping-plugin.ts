// A plugin that shows and uses what its host keeps for it: bundled and run by the tests beside it.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, serve } from '@plugd/sdk';

const {
  PLUGD_SCRATCH_DIR: scratch,
  PLUGD_CONFIG_DIR: config,
  PLUGD_PORT_HTTP: port,
  KEEPING_VERSION = '1.0.0',
} = process.env;

/** What it was given, as JSON. */
export interface Kept {
  readonly pid: number;
  readonly scratch?: string;
  readonly scratchMode?: number;
  readonly scratchHolds?: readonly string[];
  readonly config?: string;
  readonly configMode?: number;
  readonly setting?: string;
  readonly port?: number;
}

function kept(): Kept {
  return {
    pid: process.pid,
    ...(scratch === undefined
      ? {}
      : { scratch, scratchMode: statSync(scratch).mode & 0o777, scratchHolds: readdirSync(scratch) }),
    ...(config === undefined
      ? {}
      : {
          config,
          configMode: statSync(config).mode & 0o777,
          setting: readFileSync(join(config, 'setting'), 'utf8'),
        }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

const plugin = definePlugin({
  name: 'keeping',
  version: KEEPING_VERSION,
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  async setup(ctx) {
    if (port !== undefined) {
      // As a web server does that nobody told of upgrades: from its start to its end.
      const server = createServer((socket) => socket.end(String(process.pid)));
      await new Promise<void>((ready, failed) => {
        server.once('error', failed);
        server.listen(Number(port), '127.0.0.1', ready);
      });
    }
    ctx.service(KvDefinition, {
      get: () => ({ found: true, value: Buffer.from(JSON.stringify(kept())) }),
      // Fills its scratch directory, with what nobody may write to.
      put: ({ key }) => {
        const directory = join(scratch ?? '', key);
        mkdirSync(directory);
        writeFileSync(join(directory, 'file'), '', { mode: 0o400 });
        return {};
      },
      async *watch() {},
      load: () => ({}),
      async *chat() {},
    });
  },
});

void serve(plugin);
