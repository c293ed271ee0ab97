import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstanceRecord } from '../../../host/src/launch/instance-record';
import type { ResourceWishes } from '../../../host/src/resources/generation-resources';
import { HostResources } from '../../../host/src/resources/host-resources';
import { Directories } from './directories';

let source: string;
let directories: Directories;
let host: HostResources;
beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), 'config-'));
  directories = new Directories();
  host = new HostResources(directories);
  put('1');
});
afterEach(() => {
  rmSync(source, { recursive: true, force: true });
  directories.dispose();
});

const put = (text: string): void => writeFileSync(join(source, 'a'), text);
const wishes = (over: Partial<ResourceWishes> = {}): ResourceWishes => ({
  name: 'kv',
  scratch: false,
  config: source,
  ports: {},
  startTimeoutMs: 10_000,
  stopTimeoutMs: 0,
  ...over,
});
const { signal } = new AbortController();
const read = (directory: string | undefined): string => readFileSync(join(directory ?? '', 'a'), 'utf8');
const record = (configDirectory: string, ports?: Record<string, number>): InstanceRecord => ({
  id: 'kv-1-1',
  plugin: 'kv',
  version: '1.0.0',
  generation: 1,
  pid: 1,
  startTime: '1',
  group: null,
  token: 't',
  network: 'unix',
  address: '/run/s',
  directory: '/run/i',
  configDirectory,
  ...(ports === undefined ? {} : { ports }),
  hostCertificate: null,
  pluginCertificatePem: null,
  coreVersion: 1,
  protocolVersion: 1,
  protocol: 'grpc',
  capabilities: { multiplex: false },
  broker: [],
  startedAt: 0,
});

test('a process that comes later gets what its generation began with, and the next generation what is there then', async () => {
  const [old, next] = [host.ofGeneration(wishes()), host.ofGeneration(wishes())];
  const first = await old.forInstance('kv-1-1', signal);
  // It crashes, and nobody uses the copy for a moment.
  await first.release();
  put('2');
  const second = await old.forInstance('kv-1-2', signal);
  const third = await next.forInstance('kv-2-3', signal);
  expect([first.configDirectory, read(second.configDirectory), read(third.configDirectory)]).toEqual([
    second.configDirectory,
    '1',
    '2',
  ]);
  await old.release();
  expect(existsSync(second.configDirectory ?? '')).toBe(true);
  await second.release();
  expect([second, third].map(({ configDirectory = '' }) => existsSync(configDirectory))).toEqual([
    false,
    true,
  ]);
});

test('generations that began with the same content have one copy, and the last one frees it', async () => {
  const [old, next] = [host.ofGeneration(wishes()), host.ofGeneration(wishes())];
  const [first, second] = [await old.forInstance('kv-1-1', signal), await next.forInstance('kv-2-2', signal)];
  expect(second.configDirectory).toBe(first.configDirectory);
  await Promise.all([old.release(), first.release(), next.release()]);
  expect(directories.removed).toEqual([]);
  await second.release();
  expect(directories.removed).toEqual([first.configDirectory]);
});

test('a configuration that could not be read is read again by the next start', async () => {
  const generation = host.ofGeneration(wishes({ config: join(source, 'missing') }));
  const start = (): Promise<unknown> => generation.forInstance('kv-1-1', signal);
  await expect(start()).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  rmSync(join(source, 'a'));
  mkdirSync(join(source, 'missing'));
  await expect(start()).resolves.toBeDefined();
});

test('a configuration that takes too long is given up, and nothing is left of it when it comes at last', async () => {
  const generation = host.ofGeneration(wishes({ startTimeoutMs: 0 }));
  await expect(generation.forInstance('kv-1-1', signal)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    facts: { path: source },
  });
  const deadline = performance.now() + 5_000;
  while (directories.removed.length === 0 && performance.now() < deadline) {
    await new Promise((next) => setTimeout(next, 10));
  }
  expect(directories.removed).toHaveLength(1);
});

test('a copy that was cleaned up is made anew for the next process', async () => {
  const generation = host.ofGeneration(wishes());
  const first = await generation.forInstance('kv-1-1', signal);
  rmSync(first.configDirectory ?? '', { recursive: true });
  const second = await generation.forInstance('kv-1-2', signal);
  expect(read(second.configDirectory)).toBe('1');
});

test('a generation that has ended starts nothing more', async () => {
  const generation = host.ofGeneration(wishes());
  const first = await generation.forInstance('kv-1-1', signal);
  await first.release();
  await generation.release();
  await generation.release();
  await expect(generation.forInstance('kv-1-2', signal)).rejects.toMatchObject({ code: 'ABORTED' });
  expect(directories.removed).toEqual([first.configDirectory]);
});

test('who does not get its port leaves no copy behind, and neither does a start that fails', async () => {
  const taken = await host
    .ofGeneration(wishes({ config: undefined, ports: { http: 0 } }))
    .forInstance('i', signal);
  const port = taken.ports?.['http'] ?? 0;
  const start = { wishes: wishes({ ports: { http: port } }), instance: 'j', shared: undefined, signal };
  await expect(host.start(start, async () => {})).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  expect(directories.removed).toHaveLength(1);
  await taken.release();
  const failure = new Error('it did not come up');
  await expect(host.start(start, () => Promise.reject(failure))).rejects.toBe(failure);
  expect(directories.removed).toHaveLength(2);
  await expect(host.start(start, async ({ ports }) => ports)).resolves.toEqual({ http: port });
});

test('a process of another host is taken over with what it has', async () => {
  const path = directories.makeSharedDirectory();
  writeFileSync(join(path, 'a'), 'as it was given');
  const generation = host.ofGeneration(wishes({ ports: { http: 0 } }));
  const adopt = { wishes: wishes(), record: record(path, { http: 31_999 }), shared: generation };
  const adopted = await host.attach(adopt, async (resources) => resources);
  // It crashes, and what takes its place is of the same generation.
  await adopted.release();
  const next = await generation.forInstance('kv-1-2', signal);
  expect([next.configDirectory, next.ports]).toEqual([path, { http: 31_999 }]);
  await next.release();
  expect(directories.removed).toEqual([]);
  await generation.release();
  expect(directories.removed).toEqual([path]);
});

test.each([
  ['with others', true],
  ['alone', false],
])('a process that can’t be taken over, %s, keeps what it has', async (_, shares) => {
  const path = directories.makeSharedDirectory();
  const generation = host.ofGeneration(wishes());
  const adopt = { wishes: wishes(), record: record(path), shared: shares ? generation : undefined };
  await expect(host.attach(adopt, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  await generation.abandon();
  expect([existsSync(path), directories.removed, directories.guarded.size]).toEqual([true, [], 0]);
});
