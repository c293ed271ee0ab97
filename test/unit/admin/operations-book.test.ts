import { PluginError } from '@plugd/protocol/plugin-error';
import { OperationsBook } from '../../../host/src/admin/operations-book';
import { operationRow } from '../../../host/src/admin/rows';
import { watchOperation } from '../../../host/src/admin/watch-operation';
import { OperationHandle, type OperationProgress } from '../../../host/src/upgrade/operation-handle';
import type { UpgradeReport } from '../../../host/src/upgrade/report';
import { report } from '../upgrade/report-sample';

const reportSample = report();
const forever = new AbortController().signal;

let operations = 0;
/** An operation that the test drives. */
function operation(plugin = 'kv') {
  let tell: (progress: OperationProgress) => void = () => {};
  let end: (report: UpgradeReport) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const handle = new OperationHandle((report) => {
    tell = report;
    return new Promise((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
  });
  const about = { plugin, operation: 'upgrade', fromVersion: '1.0.0', toVersion: '2.0.0' } as const;
  const begun = { id: `${plugin}-${++operations}`, ...about, handle };
  return { begun, tell, end, fail };
}
const progress: OperationProgress = { step: 'start', phase: 'started', elapsedMs: 1, percent: 10 };

test('an operation is found while it is under way, and afterwards by its outcome', async () => {
  let generation = 3;
  const book = new OperationsBook(() => generation);
  const { begun, tell, end } = operation();
  book.begun(begun);
  const kept = book.running('kv');
  if (kept === undefined) throw new Error('it is not found');
  expect(await book.whenBegun(begun.handle)).toBe(kept);
  expect(book.get(kept.id)).toBe(kept);
  expect(operationRow(kept)).toMatchObject({ outcome: 'running', endedAt: 0, fromVersion: '1.0.0' });
  // Another one had its turn before it.
  generation = 4;
  tell(progress);
  await new Promise((next) => setImmediate(next));
  expect(kept.oldGeneration).toBe(4);
  end(reportSample);
  await begun.handle;
  expect(book.running('kv')).toBeUndefined();
  expect(operationRow(book.get(kept.id))).toMatchObject({
    outcome: reportSample.outcome,
    toVersion: reportSample.to.version,
    code: '',
  });
});

test('of those that wait for each other the first is under way; of those that have ended only the latest are kept', async () => {
  const book = new OperationsBook(() => 1, 2);
  const all = Array.from({ length: 4 }, () => operation());
  for (const { begun } of all) book.begun(begun);
  expect(book.running('kv')?.handle).toBe(all[0]?.begun.handle);
  expect(book.list('kv').map(({ handle }) => handle)).toEqual(all.map(({ begun }) => begun.handle).reverse());
  expect(book.list('other')).toEqual([]);
  for (const { begun, fail } of all.slice(0, 3)) {
    fail(new PluginError('BUSY', 'no'));
    await expect(begun.handle).rejects.toMatchObject({ code: 'BUSY' });
  }
  expect(book.list('kv').map((one) => operationRow(one).outcome)).toEqual(['running', 'failed', 'failed']);
  expect(() => book.get('kv-none')).toThrow(expect.objectContaining({ code: 'OPERATION_NOT_FOUND' }));
});

test('who watches is told of each progress, of the calls meanwhile, and of the end', async () => {
  const book = new OperationsBook(() => 1);
  const traffic = { oldVersion: '1', newVersion: '2', oldInFlight: 3, newInFlight: 4, held: 5 };
  const watch = async (outcome: 'report' | 'error') => {
    const { begun, tell, end, fail } = operation();
    book.begun(begun);
    const kept = await book.whenBegun(begun.handle);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { update } of watchOperation(kept, () => traffic, forever)) {
        seen.push(update?.$case ?? 'none');
        if (update?.$case === 'error') expect(update.value).toMatchObject({ code: 'ABORTED', summary: 'no' });
        // Calls are told of without any progress too.
        if (seen.filter((one) => one === 'traffic').length === 2) {
          if (outcome === 'report') end(reportSample);
          else fail(new PluginError('ABORTED', 'no'));
        }
      }
    })();
    tell(progress);
    await watching;
    return seen;
  };
  expect(await watch('report')).toEqual(['progress', 'traffic', 'traffic', 'report']);
  expect(await watch('error')).toEqual(['progress', 'traffic', 'traffic', 'error']);
});

test('who watches and leaves is not waited for', async () => {
  const book = new OperationsBook(() => 1);
  const { begun } = operation();
  book.begun(begun);
  const kept = book.running('kv');
  if (kept === undefined) throw new Error('it is not found');
  const leaving = new AbortController();
  const next = watchOperation(kept, () => undefined, leaving.signal).next();
  leaving.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});

test('an operation that is told of later is waited for, and one that ends before that is refused with why', async () => {
  const book = new OperationsBook(() => 1);
  const later = operation();
  const waiting = book.whenBegun(later.begun.handle);
  book.begun(later.begun);
  expect(await waiting).toBe(book.running('kv'));
  const never = operation();
  const refused = book.whenBegun(never.begun.handle);
  never.fail(new PluginError('PLUGIN_PINNED', 'no'));
  await expect(refused).rejects.toMatchObject({ code: 'PLUGIN_PINNED' });
});
