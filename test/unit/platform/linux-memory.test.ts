import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { readAvailableMemory } from '../../../host/src/platform/linux-memory';
import { selectPlatform } from '../../../host/src/platform/select-platform';

const temp = mkdtempSync(join(tmpdir(), 'memory-'));
afterAll(() => rmSync(temp, { recursive: true }));

const MIB = 1024 * 1024;

/** What a system shows of its memory, with files of our choice. */
function shown(files: Readonly<Record<string, string>>): number | undefined {
  const root = mkdtempSync(join(temp, 'system-'));
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return readAvailableMemory(join(root, 'proc'), join(root, 'cgroup'));
}

const meminfo = (mebibytes: number) =>
  `MemTotal:       99999999 kB\nMemFree:              10 kB\nMemAvailable:   ${mebibytes * 1024} kB\nBuffers: 1 kB\n`;
const bytes = (mebibytes: number) => `${mebibytes * MIB}\n`;

const machine = { 'proc/meminfo': meminfo(4096) };
const stat = (name: string, mebibytes: number) => `anon 1\n${name} ${mebibytes * MIB}\nother 2\n`;

test('without control groups it is what the machine has', () => {
  expect(shown(machine)).toBe(4096 * MIB);
  expect(shown({ ...machine, 'proc/self/cgroup': '0::/\n' })).toBe(4096 * MIB);
});

test('where nothing is told, nothing is known', () => {
  expect(shown({})).toBeUndefined();
  expect(shown({ 'proc/meminfo': 'MemTotal: 5 kB\n', 'proc/self/cgroup': 'rubbish\n:::\n' })).toBeUndefined();
});

test('a limit of a group counts, and cache that can be taken back is free', () => {
  expect(
    shown({
      ...machine,
      'proc/self/cgroup': '0::/app\n',
      'cgroup/app/memory.max': bytes(512),
      'cgroup/app/memory.high': 'max\n',
      'cgroup/app/memory.current': bytes(300),
      'cgroup/app/memory.stat': stat('inactive_file', 100),
    }),
  ).toBe(312 * MIB);
});

test('of all groups that it lies in, the one with the least room counts', () => {
  const nested = (outer: number, inner: number) =>
    shown({
      ...machine,
      'proc/self/cgroup': '0::/pod/app\n',
      'cgroup/pod/memory.max': bytes(outer),
      'cgroup/pod/memory.current': bytes(400),
      'cgroup/pod/app/memory.max': bytes(inner),
      'cgroup/pod/app/memory.current': bytes(100),
    });
  expect(nested(500, 2000)).toBe(100 * MIB);
  expect(nested(5000, 150)).toBe(50 * MIB);
  // Over its limit, as it may be for a moment.
  expect(nested(5000, 50)).toBe(0);
});

test('the softer of two limits counts: beyond it the kernel slows the group down', () => {
  expect(
    shown({
      ...machine,
      'proc/self/cgroup': '0::/app\n',
      'cgroup/app/memory.max': bytes(512),
      'cgroup/app/memory.high': bytes(256),
      'cgroup/app/memory.current': bytes(56),
    }),
  ).toBe(200 * MIB);
});

test('groups of the former kind are read, alone or with other controllers in one', () => {
  for (const line of ['4:memory:/app', '4:cpu,memory:/app']) {
    expect(
      shown({
        ...machine,
        'proc/self/cgroup': `9:name=systemd:/x\n${line}\n0::/\n`,
        'cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
        'cgroup/memory/memory.usage_in_bytes': bytes(900),
        'cgroup/memory/app/memory.limit_in_bytes': bytes(256),
        'cgroup/memory/app/memory.usage_in_bytes': bytes(200),
        'cgroup/memory/app/memory.stat': stat('total_inactive_file', 20),
      }),
    ).toBe(76 * MIB);
  }
});

test("in a container that does not see its own path, the root is the container's own", () => {
  expect(
    shown({
      ...machine,
      'proc/self/cgroup': '0::/../../docker/0123\n',
      'cgroup/memory.max': bytes(128),
      'cgroup/memory.current': bytes(28),
    }),
  ).toBe(100 * MIB);
});

test('this machine tells what is available, within what it has', () => {
  const available = selectPlatform().availableMemory();
  expect(available).toBeGreaterThan(MIB);
  expect(available).toBeLessThanOrEqual(totalmem());
});
