import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvironmentSearch } from '../../../host/src/platform/linux-proc';

const PROCESSES = 500;

let proc: string;
beforeAll(() => {
  proc = mkdtempSync(join(tmpdir(), 'proc-'));
  for (let pid = 1; pid <= PROCESSES; pid++) {
    const directory = join(proc, String(pid));
    mkdirSync(directory);
    writeFileSync(join(directory, 'environ'), `NUMBER=${pid}\0MARK=${pid % 2 === 0 ? 'even' : 'odd'}\0`);
    const state = pid % 10 === 0 ? 'Z' : 'S';
    writeFileSync(join(directory, 'stat'), `${pid} (a ) b) ${[state, ...Array(50).fill(pid)].join(' ')}`);
  }
  writeFileSync(join(proc, 'uptime'), 'MARK=even');
});
afterAll(() => rmSync(proc, { recursive: true, force: true }));

test('finds those that run with the text, for all who ask, and lets others have their turns meanwhile', async () => {
  const search = new EnvironmentSearch(proc);
  let walking = true;
  let turns = 0;
  const others = (async () => {
    while (walking) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
  })();
  const [even, odd, nobody] = await Promise.all(
    ['MARK=even', 'MARK=odd', 'MARK=none'].map((text) => search.find(text)),
  );
  walking = false;
  await others;
  // Of the even ones every fifth is a zombie; and what runs this is never found.
  const alive = Array.from({ length: PROCESSES }, (_, i) => i + 1).filter(
    (pid) => pid % 10 !== 0 && pid !== process.pid,
  );
  const pids = (found: readonly { pid: number }[] | undefined) =>
    found?.map(({ pid }) => pid).sort((a, b) => a - b);
  expect(pids(even)).toEqual(alive.filter((pid) => pid % 2 === 0));
  expect(pids(odd)).toEqual(alive.filter((pid) => pid % 2 === 1));
  expect(nobody).toEqual([]);
  expect(turns).toBeGreaterThan(10);
});
