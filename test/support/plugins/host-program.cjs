// A host in a process of its own, as an application runs one: argv[2] is JSON { load, log }. It loads the plugin,
// asks it for a key, has it log, and prints the answer as JSON.
const { createHost } = require('@plugd/host');
const { KvDefinition } = require('@plugd/protocol/gen/samples/kv/v1/kv');
const { ProbeDefinition } = require('@plugd/protocol/gen/samples/probe/v1/probe');

async function main({ load, log = [] }) {
  const host = await createHost();
  const plugin = await host.load({
    ...load,
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
  });
  const { value } = await plugin.client(KvDefinition).get({ key: 'key' }, { timeoutMs: 10_000 });
  for (const level of log)
    await plugin.client(ProbeDefinition).log({ level, message: `a message at ${level}` });
  await host.close();
  process.stdout.write(JSON.stringify({ value: Buffer.from(value).toString() }));
}

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
