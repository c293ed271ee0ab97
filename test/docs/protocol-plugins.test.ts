import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createHost, type Host } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { GoHost } from '../support/go-host';
import { goIsHere } from '../support/needs-go';
import { type Block, blocks, root } from './markdown';
import { Workshop } from './workshop';

// The plugins of docs/protocol.md, which are made without our packages, taken from the page and run under both hosts.

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const python = join(root, 'plugins/python');
const interpreter = join(python, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
/** `npm run setup:python` makes both. */
const pythonIsHere = existsSync(interpreter) && existsSync(join(python, 'gen'));

const opensslIsHere = spawnSync('openssl', ['version']).status === 0;

function shown(what: string, is: (block: Block) => boolean): Block {
  const found = blocks('docs/protocol.md').find(is);
  if (found === undefined) throw new Error(`docs/protocol.md shows no ${what}`);
  return found;
}
const inPython = shown('plugin in Python', ({ language }) => language === 'python');
const inTypeScript = shown('plugin in TypeScript', ({ marks }) => marks['run'] === 'bare');
const forAutoMtls = shown('certificate', ({ marks }) => marks['run'] === 'automtls');

/** The plugin in TypeScript with the changes that the page tells of. */
function withAutoMtls(): string {
  const changed = inTypeScript.text
    .replace('grpc.ServerCredentials.createInsecure()', 'credentials')
    .replace('|grpc|\\n', `|grpc|\${field}\\n`);
  expect(changed).toMatch(/\|\$\{field\}/);
  return `import { credentials, field } from './automtls';\n${changed}`;
}

test('the plugin in Python is the file that the page names', () => {
  const { marks, text } = inPython;
  expect(readFileSync(join(root, marks['file'] ?? ''), 'utf8')).toBe(text);
});

let workshop: Workshop;
let host: Host;

beforeAll(async () => {
  workshop = new Workshop();
  symlinkSync(join(root, 'proto'), join(workshop.path, 'proto'), 'junction');
  symlinkSync(join(python, 'gen'), join(workshop.path, 'gen'), 'junction');
  workshop.write('bare-plugin.ts', inTypeScript.text);
  workshop.write('kv_plugin.py', inPython.text);
  workshop.write('automtls.ts', `${forAutoMtls.text}export { credentials, field };\n`);
  workshop.write('automtls-plugin.ts', withAutoMtls());
  await workshop.bundle(['bare-plugin', 'automtls-plugin']);
  host = await createHost();
});

afterAll(async () => {
  await host.close();
  workshop.dispose();
});

/** Every day one version alone, and two of which the plugin knows one. */
const offers = [[[1]], [[2, 9]], ...(process.env['PLUGD_FULL'] === '1' ? [[[1, 2]]] : [])];

const describeIf = (there: boolean): jest.Describe => (there ? describe : describe.skip);

describe.each([
  {
    language: 'TypeScript',
    there: true,
    program: () => [process.execPath, join(workshop.path, 'bare-plugin.js')],
  },
  {
    language: 'Python',
    there: pythonIsHere,
    program: () => [interpreter, join(workshop.path, 'kv_plugin.py')],
  },
])('the plugin in $language', ({ language, there, program }) => {
  describeIf(there)('', () => {
    test.each(offers)('serves under our host, which offers %p', async (protocolVersions) => {
      const [command = '', ...args] = program();
      const kv = await host.load({
        name: language,
        version: '1.0.0',
        command,
        args,
        autoMtls: false,
        handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions },
      });
      expect(kv.status().protocolVersion).toBe(Math.max(...protocolVersions.filter((one) => one <= 2)));
      const client = kv.client(KvDefinition);
      await client.put({ key: 'a', value: Buffer.from('1') });
      expect(await client.get({ key: 'a' })).toMatchObject({ found: true, value: Buffer.from('1') });
      const watched = [];
      for await (const { sequence } of client.watch({ key: 'a', count: 3 })) watched.push(sequence);
      expect(watched).toEqual([1, 2, 3]);
      // Calls go on while another process takes its place.
      expect((await kv.restart()).outcome).toBe('swapped');
      expect((await client.get({ key: 'a' })).found).toBe(false);
      await kv.stop();
    });

    test('says what it is when it is started by hand, and nothing on stdout', async () => {
      const [command = '', ...args] = program();
      const { code, stdout, stderr } = await workshop.run(command, args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('This program is a plugin');
    });

    (goIsHere ? test : test.skip)('serves under the Go host', async () => {
      const go = new GoHost();
      try {
        await go.request('start', { command: program(), autoMtls: false, versions: [1, 2], env: [] });
        await go.request('put', { key: 'a', value: '1' });
        expect(await go.request('get', { key: 'a' })).toMatchObject({ found: true, value: '1' });
        expect(await go.request('health', { service: 'plugin' })).toEqual({ status: 'SERVING' });
        await go.request('kill');
      } finally {
        await go.close();
      }
    });
  });
});

describeIf(opensslIsHere)('the plugin in TypeScript with the certificate', () => {
  const program = (): string[] => [process.execPath, join(workshop.path, 'automtls-plugin.js')];

  test('serves with AutoMTLS under our host, and without', async () => {
    const [command = '', ...args] = program();
    for (const autoMtls of [true, false]) {
      const handshake = { cookie: ['KV_PLUGIN', 'hello'] as const, protocolVersions: [1, 2] };
      const kv = await host.load({ name: 'secured', version: '1.0.0', command, args, autoMtls, handshake });
      expect((await kv.client(KvDefinition).get({ key: 'a' })).servedBy).toBe('plain');
      await kv.stop();
    }
  });

  (goIsHere ? test : test.skip)('serves with AutoMTLS under the Go host', async () => {
    const go = new GoHost();
    try {
      await go.request('start', { command: program(), autoMtls: true, versions: [1, 2], env: [] });
      expect(await go.request('get', { key: 'a' })).toMatchObject({ found: false, servedBy: 'plain' });
      await go.request('kill');
    } finally {
      await go.close();
    }
  });
});
