import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { selectPlatform } from '../../../host/src/platform/select-platform';
import { MemoryWatch, residentBytes } from '../../../host/src/upgrade/memory-watch';

const platform = selectPlatform();
const children: ChildProcess[] = [];
const MIB = 1024 * 1024;

/** A process that holds so much, and lets go of it when it is told to. */
async function holding(mebibytes: number): Promise<{ pid: number; end: () => Promise<void> }> {
  const hold = `const held = Buffer.alloc(${mebibytes * MIB}, 1); console.log(held.length); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', hold], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('it was not started');
  const { pid } = child;
  return {
    pid,
    end: async () => {
      const gone = once(child, 'close');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

test('the highest of the readings stands for the time between the first and the last', async () => {
  const old = await holding(64);
  const pids = { old: [old.pid], new: [] as number[] };
  const watch = new MemoryWatch(platform, { old: () => pids.old, new: () => pids.new });
  await watch.before();
  const large = await holding(96);
  pids.new.push(large.pid);
  await watch.look();
  await large.end();
  await old.end();
  const small = await holding(1);
  pids.new = [small.pid];
  await watch.after();

  const { host, old: was, new: is } = watch.measured;
  expect(was.before).toBeGreaterThan(64 * MIB);
  expect(was.during).toBeGreaterThanOrEqual(was.before ?? 0);
  expect(was.after).toBeUndefined();
  expect(is.before).toBeUndefined();
  expect(is.during).toBeGreaterThan(96 * MIB);
  expect(is.after).toBeLessThan(96 * MIB);
  expect(host.before).toBeGreaterThan(MIB);
  expect(host.during).toBeGreaterThanOrEqual(Math.max(host.before ?? 0, host.after ?? 0));
});

test('processes of a generation are counted together, those that are gone with nothing', async () => {
  const [one, other] = await Promise.all([holding(32), holding(32)]);
  const single = await residentBytes(platform, [one.pid]);
  expect(await residentBytes(platform, [one.pid, other.pid])).toBeGreaterThan((single ?? 0) + 32 * MIB);
  await other.end();
  const left = await residentBytes(platform, [one.pid, other.pid]);
  expect(left).toBeGreaterThan(32 * MIB);
  expect(left).toBeLessThan((single ?? 0) + 32 * MIB);
  expect(await residentBytes(platform, [])).toBeUndefined();
});
