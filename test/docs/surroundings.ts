import type { Block } from './markdown';

/** What stands around an example when it runs: a mark `run=NAME` behind its fence says which. */
type Surrounding = (example: Block) => string;

/** Imports can't stand inside of a function. */
function hoisted(text: string): { imports: string; body: string } {
  const pattern = /^import [\s\S]*?;\n/gm;
  return { imports: (text.match(pattern) ?? []).join(''), body: text.replace(pattern, '') };
}

const load = `{
  name: 'kv',
  version: '1.0.0',
  command: './kv-v1',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
}`;

const loadCounter = `{
  name: 'counter',
  version: '1.0.0',
  command: './counter-v1',
  handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
}`;

/** A fragment as the body of a function with these parameters, which is called with what `prepare` made. */
function inFunction(
  parameters: string,
  prepare: string,
  args: string,
  own = '',
  afterwards = '',
): Surrounding {
  return ({ text }) => {
    const { imports, body } = hoisted(text);
    return `import * as plugdHost from '@plugd/host';
import { setTimeout as plugdSleep } from 'node:timers/promises';
${own}${imports}
async function example(${parameters}): Promise<void> {
${body}}

async function main(): Promise<void> {
  ${prepare}
  await example(${args});
  ${afterwards}
  // What the example started and did not wait for may still fail.
  await plugdSleep(50);
}
void main();
`;
  };
}

const makeHost = 'await using host = await plugdHost.createHost();';

export const surroundings: Readonly<Record<string, Surrounding>> = {
  /** A whole program. */
  script: ({ text }) => text,
  /** A whole plugin that serves samples.kv.v1.Kv: examples.test.ts loads it into a host and calls it. */
  plugin: ({ text }) => text,
  /** The same without our packages: protocol-plugins.test.ts runs it under our host and the Go host. */
  bare: ({ text }) => text,
  /** `credentials` and `field` for it: the same test puts them into its place. */
  automtls: ({ text }) => `${text}export { credentials, field };\n`,
  /** `host`, with nothing loaded; `./kv-v1` and `./kv-v2` are the sample's versions. */
  host: inFunction('host: plugdHost.Host', makeHost, 'host'),
  /** `host` with the sample's version 1 loaded as `kv`. */
  loaded: inFunction(
    'host: plugdHost.Host, kv: plugdHost.Plugin',
    `${makeHost}\n  const kv = await host.load(${load});`,
    'host, kv',
  ),
  /** As `loaded`, with four callers who go on until the example ends; no call of theirs may fail. */
  called: inFunction(
    'host: plugdHost.Host, kv: plugdHost.Plugin',
    `${makeHost}
  const kv = await host.load(${load});
  const plugdClient = kv.client(plugdKv);
  let plugdCalling = true;
  const plugdCallers = Array.from({ length: 4 }, async () => {
    while (plugdCalling) {
      await plugdClient.get({ key: 'a' });
      // Others want the machine too.
      await plugdSleep(2);
    }
  });
  const plugdEnd = () => {
    plugdCalling = false;
    return Promise.all(plugdCallers);
  };`,
    'host, kv',
    `import { KvDefinition as plugdKv } from '@plugd/protocol/gen/samples/kv/v1/kv';\n`,
    'await plugdEnd();',
  ),
  /** A place of its own, for examples run at once, with version 2 of the sample as an artifact in `./plugins`, and `./copies`. */
  plugins: inFunction(
    '',
    `const plugdPlace = mkdtempSync('place-');
  mkdirSync(plugdPlace + '/plugins/kv/2.0.0', { recursive: true });
  copyFileSync('kv-v2', plugdPlace + '/plugins/kv/2.0.0/kv');
  process.chdir(plugdPlace);
  const plugdCookie = 'cookie: [KV_PLUGIN, hello], protocolVersions: [1, 2]';
  const plugdLines = ['name: kv', 'version: 2.0.0', 'command: kv', \`handshake: { \${plugdCookie} }\`, ''];
  writeFileSync('plugins/kv/2.0.0/plugin.yaml', plugdLines.join('\\n'));
  mkdirSync('copies', { mode: 0o700, recursive: true });`,
    '',
    `import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';\n`,
  ),
  /** A daemon, which `connectHost()` finds, with `./kv-v1` and `./kv-v2` here. */
  shared: inFunction(
    '',
    `const plugdPlace = mkdtempSync(join(tmpdir(), 'plugd-daemon-'));
  writeFileSync(join(plugdPlace, 'plugd.yaml'), 'version: 1\\npluginsDir: false\\n');
  process.env['XDG_RUNTIME_DIR'] = plugdPlace;
  process.env['XDG_STATE_HOME'] = plugdPlace;
  const plugdBin = require.resolve('@plugd/host/package.json').replace('package.json', 'bin/plugd.js');
  const plugdDaemon = spawn(process.execPath, [plugdBin, 'start'], { cwd: plugdPlace, stdio: 'ignore' });
  const plugdLogger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  for (let tries = 0; tries < 500; tries++) {
    const host = await plugdHost.connectHost({ logger: plugdLogger }).catch(() => undefined);
    await host?.close();
    if (host !== undefined) break;
    await plugdSleep(20);
  }`,
    '',
    `import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
`,
    `plugdDaemon.kill();
  await once(plugdDaemon, 'exit');
  rmSync(plugdPlace, { recursive: true });`,
  ),
  /** `host` with version 1 of the sample that keeps a state loaded as `counter`. */
  counter: inFunction(
    'host: plugdHost.Host, counter: plugdHost.Plugin',
    `${makeHost}\n  const counter = await host.load(${loadCounter});`,
    'host, counter',
  ),
  /** In the `setup(ctx)` of a plugin that is started and stopped. */
  setup: ({ text }) => {
    const { imports, body } = hoisted(text);
    return `import * as plugdSdk from '@plugd/sdk';
import { startPlugin as plugdStartPlugin } from '@plugd/sdk/testing';
${imports}
const plugin = plugdSdk.definePlugin({
  name: 'kv',
  version: '1.0.0',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  async setup(ctx) {
${body}  },
});

async function main(): Promise<void> {
  const running = await plugdStartPlugin(plugin);
  await running.stop();
}
void main();
`;
  },
  /** Methods of an implementation of samples.kv.v1.Kv, each of which is called. */
  service: ({ text }) => {
    const { imports, body } = hoisted(text);
    return `import * as plugdSdk from '@plugd/sdk';
import { startPlugin as plugdStartPlugin } from '@plugd/sdk/testing';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
${imports}
const values = new Map<string, Buffer>();
const example = {
${body}} satisfies Partial<plugdSdk.ServiceImplementation<KvDefinition>>;
// For the methods that the example leaves out.
const defaults: plugdSdk.ServiceImplementation<KvDefinition> = {
  get: () => ({}),
  put: () => ({}),
  async *watch() {},
  load: () => ({}),
  async *chat() {},
};
const implementation = { ...defaults, ...example };
const plugin = plugdSdk.definePlugin({
  name: 'kv',
  version: '1.0.0',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  setup: (ctx) => ctx.service(KvDefinition, implementation),
});

async function main(): Promise<void> {
  const running = await plugdStartPlugin(plugin);
  const client = running.client(KvDefinition);
  await client.put({ key: 'a', value: Buffer.from('1') });
  await client.get({ key: 'a' });
  await client.load([{ key: 'b', value: Buffer.from('2') }]);
  for await (const _ of client.chat([{ sequence: 1, text: 'hello' }]));
  let answers = 0;
  for await (const _ of client.watch({ key: 'a', count: 2 })) if (++answers === 2) running.drain();
  await running.stop();
}
void main();
`;
  },
};
