// A host whose application asks for much and waits for nothing: bundled and run by unawaited.test.ts.
// argv: the plugin's command. Any unhandled rejection ends this process with a failure.
import { createHost } from '../../host/src/create-host';

async function main(command: string): Promise<void> {
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const host = await createHost({ logger: silent });
  const plugin = await host.load({
    name: 'kv',
    version: '1.0.0',
    command,
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  });
  plugin.upgrade({ command: '/nonexistent/kv' });
  plugin.upgrade({ startTimeoutMs: -1 });
  plugin.upgrade({ verify: () => Promise.reject(new Error('no')) });
  plugin.restart({ ifBusy: 'fail' });
  const looked = plugin.upgrade({ verify: () => Promise.reject(new Error('no')) });
  for await (const _ of looked);
  plugin.upgrade({ verify: () => new Promise(() => {}) });
  plugin.restart();
  await plugin.stop();
  plugin.upgrade({});
  await host.close();
  // Rejections that nobody handles are reported after the microtasks of their tick.
  await new Promise((resolve) => setTimeout(resolve, 100));
  process.stdout.write('calm\n');
}

void main(process.argv[2] ?? '');
