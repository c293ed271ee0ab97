import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { OperationJournal } from '../../host/src/journal/operation-journal';
import { SnapshotStore } from '../../host/src/state/snapshot-store';
import { eventually } from '../support/processes';
import { SeededRandom } from '../support/seeded-random';
import { StatePrograms } from './state-support';

const full = process.env['PLUGD_FULL'] === '1';

// kill -9 at any moment: what a journal or a store has said to be kept is there, and nothing by halves.

let programs: StatePrograms;
beforeEach(() => {
  programs = new StatePrograms();
});
afterEach(() => programs.remove());

interface JournalSaid {
  readonly id: string;
  readonly line?: number;
  readonly ended?: true;
}

test('a journal has every line that it said to be kept, in order and without a gap, and at most one more', async () => {
  const random = new SeededRandom();
  const moments = { begun: 0, within: 0, between: 0 };
  await random.during(async () => {
    const runs = full ? 36 : 6;
    const enough = full ? 6 : 3;
    // Until it was killed in the middle of operations often enough, and not only there: chance alone decides that.
    for (let run = 0; run < runs || (moments.within < enough && run < 10 * runs); run++) {
      const kill = { after: 1 + random.below(60), laterMs: random.below(8) };
      const { said, signal, stderr } = await programs.run<JournalSaid>(
        ['journal', programs.directory, `${run}`],
        { kill },
      );
      expect([signal, stderr]).toEqual(['SIGKILL', '']);
      const journal = await OperationJournal.open({ directory: programs.directory });
      expect(journal.problems).toEqual([]);
      const found = (await journal.operations()).filter(({ head }) => head.id.startsWith(`${run} `));
      const ids = [...new Set(said.map(({ id }) => id))];
      // Every one in its order, and at most one that was just begun.
      expect(found.slice(0, ids.length).map(({ head }) => head.id)).toEqual(ids);
      expect(found.length - ids.length).toBeLessThanOrEqual(1);
      let more = found.length - ids.length;
      for (const { head, lines, outcome } of found) {
        const own = said.filter(({ id }) => id === head.id);
        const told = own.filter(({ line }) => line !== undefined).length;
        const told2 = own.some(({ ended }) => ended);
        expect(lines).toEqual(lines.map((_, line) => expect.objectContaining({ line })));
        expect(lines.length).toBeGreaterThanOrEqual(told);
        if (told2) expect(outcome).toBe('done');
        more += lines.length - told + (outcome === 'done' && !told2 ? 1 : 0);
      }
      expect(more).toBeLessThanOrEqual(1);
      const open = await journal.unfinished();
      expect(open.map(({ head: { id }, intact }) => [id, intact])).toEqual(
        found.filter(({ outcome }) => outcome === undefined).map(({ head: { id } }) => [id, true]),
      );
      moments[open.length === 0 ? 'between' : open[0]?.lines.length === 0 ? 'begun' : 'within'] += 1;
      for (const operation of open) await operation.end('undone');
      await journal.close();
    }
    expect(moments.within).toBeGreaterThanOrEqual(enough);
  });
}, 240_000);

test('a journal belongs to one process, until that is gone', async () => {
  const running = programs.run(['journal', programs.directory, 'other'], {
    kill: { after: 5, laterMs: 1500 },
  });
  await eventually(() => existsSync(join(programs.directory, 'db', 'CURRENT')), 20_000, 'the process has it');
  await expect(OperationJournal.open({ directory: programs.directory })).rejects.toMatchObject({
    code: 'STATE_DIR_IN_USE',
    facts: { path: programs.directory },
  });
  expect((await running).signal).toBe('SIGKILL');
  const journal = await OperationJournal.open({ directory: programs.directory });
  expect(journal.problems).toEqual([]);
  await journal.close();
}, 60_000);

test('a store has every snapshot that it said to be kept, whole, and nothing else', async () => {
  const random = new SeededRandom();
  await random.during(async () => {
    const all: string[] = [];
    for (let run = 0; run < (full ? 12 : 3); run++) {
      const kill = { after: 1 + random.below(6), laterMs: random.below(30) };
      const { said, signal } = await programs.run<{ id: string }>(['snapshots', programs.directory], {
        kill,
      });
      expect(signal).toBe('SIGKILL');
      const store = await SnapshotStore.open({ directory: programs.directory, maxPerPlugin: 1000 });
      expect(store.problems).toEqual([]);
      all.push(...said.map(({ id }) => id));
      const ids = store.list().map(({ id }) => id);
      expect(ids.filter((id) => all.includes(id))).toEqual(all);
      expect(ids.length - all.length).toBeLessThanOrEqual(1);
      for (const id of ids) await store.open(id);
      expect(readdirSync(programs.directory).sort()).toEqual(
        [...ids.map((id) => `${id}.snapshot`), 'key'].sort(),
      );
      store.close();
      all.splice(0, all.length, ...ids);
    }
  });
}, 240_000);
