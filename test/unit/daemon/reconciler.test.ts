import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Change } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { readConfig } from '../../../host/src/config/read-config';
import { Redactor } from '../../../host/src/config/redactor';
import { ConfigBook } from '../../../host/src/daemon/config-book';
import { Reconciler } from '../../../host/src/daemon/reconciler';
import { poll } from '../../support/poll';
import { RecordingLogger } from '../../support/recording-logger';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reconciler-'));
  file = join(directory, 'plugd.yaml');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (text: string) => writeFileSync(file, `version: 1\n${text}`);
const secret = (value: string, mode = 0o600) => writeFileSync(join(directory, 'token'), value, { mode });
const changed: Change = { plugin: 'kv', action: 'configure', from: '1.0.0', to: '1.0.0', reason: 'settings' };

async function open(text: string) {
  write(text);
  const redactor = new Redactor();
  const book = await ConfigBook.open(file, await readConfig(file), redactor);
  const asked: unknown[] = [];
  let reconciled = 0;
  const logger = new RecordingLogger();
  const reconciler = new Reconciler({
    book,
    logger,
    onAccepted: () => {},
    host: {
      plan: (settings) => {
        asked.push(settings.get('kv'));
        return [changed];
      },
      reconcile: async () => {
        reconciled++;
        return [changed];
      },
    },
  });
  return { book, redactor, reconciler, asked, logger, reconciled: () => reconciled };
}

test('a change is told of with its reason before it is made, and is in force when it is', async () => {
  const { book, reconciler, asked, reconciled } = await open('plugins: { kv: { instances: 1 } }\n');
  write('plugins: { kv: { instances: 2, env: { A: b } } }\n');
  const expected = [{ ...changed, reason: 'instances 1 → 2, env A' }];
  expect(await reconciler.diff()).toEqual(expected);
  expect(asked).toEqual([{ instances: 2, env: { A: 'b' } }]);
  expect(book.settingsOf('kv')).toEqual({ instances: 1 });
  expect(reconciled()).toBe(0);
  expect(await reconciler.reconcile()).toEqual(expected);
  expect(book.settingsOf('kv')).toEqual({ instances: 2, env: { A: 'b' } });
  expect(reconciled()).toBe(1);
  expect(book.problem).toBe('');
});

test('a config that is none changes nothing, and the daemon says so until there is a good one', async () => {
  const { book, reconciler, reconciled, logger } = await open('plugins: { kv: { instances: 1 } }\n');
  write('plugins: { kv: { instnces: 2 } }\n');
  await expect(reconciler.diff()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(book.problem).toBe('');
  await expect(reconciler.reconcile()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(book.problem).toContain('instnces');
  expect(logger.records.filter(({ level }) => level === 'error')).toHaveLength(1);
  rmSync(file);
  await expect(reconciler.reconcile()).rejects.toMatchObject({ code: 'CONFIG_FILE_UNREADABLE' });
  expect(book.settingsOf('kv')).toEqual({ instances: 1 });
  expect(reconciled()).toBe(0);
  write('plugins: { kv: { instances: 3 } }\n');
  await reconciler.reconcile();
  expect(book.problem).toBe('');
});

test("the daemon's own settings count when it is started again, and are told of until then", async () => {
  const { book, reconciler } = await open('memoryBudgetBytes: 1000\n');
  write('memoryBudgetBytes: 2000\nlogs: { level: debug }\n');
  const change = { plugin: '', action: 'needs-restart', from: '1000', to: '2000' };
  expect(await reconciler.diff()).toEqual([changed, { ...change, reason: expect.any(String) }]);
  await reconciler.reconcile();
  expect(await reconciler.diff()).toEqual([changed, expect.objectContaining(change)]);
  expect(book.problem).toContain('memoryBudgetBytes');
  // Back where it began.
  write('memoryBudgetBytes: 1000\n');
  await reconciler.reconcile();
  expect(book.problem).toBe('');
});

test('secrets are hidden as soon as they are known; a plugin without its own is not run, and one that has them keeps them', async () => {
  secret('open to all', 0o644);
  const config = 'plugins: { kv: { env: { TOKEN: { file: ./token } } } }\n';
  const { book, reconciler, redactor } = await open(config);
  expect(book.settingsOf('kv')).toEqual({ enabled: false });
  expect(book.problemOf('kv')).toMatchObject({ code: 'SECRET_UNSAFE' });
  rmSync(join(directory, 'token'));
  secret('first-secret\n');
  await reconciler.reconcile();
  expect(book.settingsOf('kv')).toEqual({ env: { TOKEN: 'first-secret' } });
  expect(book.problemOf('kv')).toBeUndefined();
  rmSync(join(directory, 'token'));
  await expect(reconciler.reconcile()).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  expect(book.settingsOf('kv')).toEqual({ env: { TOKEN: 'first-secret' } });
  secret('second-secret\n');
  await reconciler.reconcile();
  // The first is still in some process.
  expect(redactor.redact('first-secret, second-secret')).toBe('***, ***');
});

test('another file in the place of the config is noticed, and what is touched only is not reconciled for ever', async () => {
  const { reconciler } = await open('');
  let changes = 0;
  reconciler.watch(() => changes++);
  try {
    write('memoryBudgetBytes: 2000\n');
    await poll(
      () => changes,
      (seen) => seen > 0,
    );
    const before = changes;
    await new Promise((next) => setTimeout(next, 500));
    expect(changes).toBe(before);
  } finally {
    reconciler.close();
  }
});
