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

function shown(language: string): Block {
  const found = blocks('docs/protocol.md').find(
    (block) => block.language === language && block.marks['file'] !== undefined,
  );
  if (found === undefined) throw new Error(`docs/protocol.md shows no ${language} plugin`);
  return found;
}

test('the plugin in Python is the file that the page names', () => {
  const { marks, text } = shown('python');
  expect(readFileSync(join(root, marks['file'] ?? ''), 'utf8')).toBe(text);
});

let workshop: Workshop;
let host: Host;

beforeAll(async () => {
  workshop = new Workshop();
  symlinkSync(join(root, 'proto'), join(workshop.path, 'proto'), 'junction');
  symlinkSync(join(python, 'gen'), join(workshop.path, 'gen'), 'junction');
  workshop.write('bare-plugin.ts', shown('ts').text);
  workshop.write('kv_plugin.py', shown('python').text);
  await workshop.bundle(['bare-plugin']);
  host = await createHost();
});

afterAll(async () => {
  await host.close();
  workshop.dispose();
});

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
    test.each([[[1]], [[1, 2]], [[2, 9]]])(
      'serves under our host, which offers %p',
      async (protocolVersions) => {
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
      },
    );

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
