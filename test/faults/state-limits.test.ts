import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { OperationJournal } from '../../host/src/journal/operation-journal';
import { StatePrograms } from './state-support';

// Where memory and disk are short.

let programs: StatePrograms;
beforeEach(() => {
  programs = new StatePrograms();
});
afterEach(() => programs.remove());

const mebibyte = 1024 * 1024;

test('a state of 200 MB is taken in, kept, opened and read in the memory of a few of its pieces', async () => {
  const bytes = 200_000_003;
  const { said, stderr } = await programs.run<{ read: number; grown: number }>([
    'memory',
    programs.directory,
    `${bytes}`,
  ]);
  expect([said[0]?.read, stderr]).toEqual([bytes, '']);
  expect(said[0]?.grown).toBeLessThan(48 * mebibyte);
}, 120_000);

const posix = process.platform === 'win32' ? test.skip : test;

posix(
  'where a file can grow no further the one operation is refused, and what was kept stays',
  async () => {
    mkdirSync(programs.directory);
    const { said, stderr } = await programs.run<{
      large: unknown;
      kept: boolean[];
      lines: number[];
      failures: unknown[];
    }>(['full', programs.directory], { prefix: ['sh', '-c', 'ulimit -f 1000; exec "$@"', 'sh'] });
    const [told] = said;
    expect(stderr).toBe('');
    expect(told).toMatchObject({ large: 'SNAPSHOT_NOT_KEPT', kept: [true] });
    expect(told?.failures.length).toBeGreaterThan(0);
    expect(new Set(told?.failures)).toEqual(new Set(['JOURNAL_FAILED']));
    // It was not over with the first failure: what came later was kept again.
    expect(told?.lines.length).toBeGreaterThan(20);
    expect(Math.max(...(told?.lines ?? []))).toBeGreaterThan(told?.lines.length ?? 0);
    const journal = await OperationJournal.open({ directory: join(programs.directory, 'journal') });
    expect(journal.problems).toEqual([]);
    const [operation] = await journal.unfinished();
    await journal.close();
    const kept = operation?.lines.map((line) =>
      typeof line === 'object' && line !== null && 'line' in line ? line.line : line,
    );
    // One more at most, the one that failed last.
    expect(kept?.slice(0, told?.lines.length)).toEqual(told?.lines);
    expect((kept?.length ?? 0) - (told?.lines.length ?? 0)).toBeLessThanOrEqual(1);
    expect(operation?.intact).toBe(true);
  },
  60_000,
);

test('a bundle that has swallowed the database without its machine code is told what to do', async () => {
  const file = join(programs.directory, 'bundled.js');
  buildSync({
    entryPoints: [join(__dirname, 'state-program.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node20',
    alias: { '@plugd/protocol': join(__dirname, '../../proto/src') },
  });
  const { stderr } = await programs.run(['journal', join(programs.directory, 'journal')], { file });
  expect(stderr).toContain('[STATE_DIR_UNUSABLE]');
  expect(stderr).toContain('classic-level');
}, 30_000);
