import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRecord } from '../../../host/src/admin/admin-backend';
import { Redactor } from '../../../host/src/config/redactor';
import { AuditLog } from '../../../host/src/daemon/audit-log';
import { bundleProgram } from '../../support/bundle';
import { RecordingLogger } from '../../support/recording-logger';

let directory: string;
let logger: RecordingLogger;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-'));
  logger = new RecordingLogger();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const record: AuditRecord = {
  client: { program: 'plugd', user: 'me', pid: 12 },
  verb: 'upgrade',
  plugin: 'kv',
  parameters: { target: '2.0.0' },
  outcome: 'begun',
  operation: 'kv-1',
};
const open = (over: { maxBytes?: number; maxFiles?: number } = {}) =>
  new AuditLog({ directory, logger, redactor: new Redactor(['hunter22']), ...over });
const lines = (name = 'audit.jsonl'): unknown[] =>
  readFileSync(join(directory, name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('each change is a line that this user alone can read, also after another daemon', () => {
  for (const outcome of ['begun', 'swapped']) {
    const log = open();
    log.write({ ...record, outcome });
    log.close();
  }
  expect(lines()).toEqual([
    { ...record, time: expect.any(String) },
    { ...record, outcome: 'swapped', time: expect.any(String) },
  ]);
  expect(statSync(join(directory, 'audit.jsonl')).mode & 0o777).toBe(0o600);
});

test('no secret is in it, no value of a variable, no more of parameters than fits, and a line stays one', () => {
  const log = open();
  log.write({
    ...record,
    client: { program: 'x\n"hunter22"', user: 'u'.repeat(10_000), pid: 1 },
    parameters: { options: { env: { TOKEN: 'of an application' }, note: 'is hunter22' } },
  });
  log.write({ ...record, client: undefined, plugin: undefined, parameters: { big: 'x'.repeat(10_000) } });
  // The end of what is kept of a name goes through the secret.
  log.write({ ...record, plugin: `${'p'.repeat(197)}hunter22 and more` });
  const text = readFileSync(join(directory, 'audit.jsonl'), 'utf8');
  expect(text).not.toContain('hun');
  expect(text).not.toContain('of an application');
  expect(text.length).toBeLessThan(2_400);
  expect(lines()).toMatchObject([
    { client: { program: 'x\n"***"' }, parameters: { options: { env: { TOKEN: '***' }, note: 'is ***' } } },
    { client: null, plugin: null, parameters: { leftOut: ['big'] } },
    { plugin: `${'p'.repeat(197)}***` },
  ]);
});

test('its own names stay, also where a secret is such a word', () => {
  const log = new AuditLog({ directory, logger, redactor: new Redactor(['version', 'parameters']) });
  log.write({ ...record, parameters: { version: 'version', options: { version: 1 } } });
  expect(lines()).toMatchObject([{ parameters: { version: '***', options: { '***': 1 } } }]);
});

test('it takes no more room than it may: the oldest go', () => {
  const log = open({ maxBytes: 600, maxFiles: 3 });
  for (let pid = 0; pid < 40; pid++) log.write({ ...record, client: { program: 'p', user: 'u', pid } });
  log.close();
  const names = readdirSync(directory).sort();
  expect(names).toEqual(['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2']);
  for (const name of names) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(600);
  expect(lines().at(-1)).toMatchObject({ client: { pid: 39 } });
});

test('what can’t be written is told once, and how much it was when it can be again', () => {
  const log = open();
  // In the place of the file there is a directory.
  mkdirSync(join(directory, 'audit.jsonl'));
  log.write(record);
  log.write(record);
  const errors = () => logger.records.filter(({ level }) => level === 'error');
  expect(errors()).toHaveLength(1);
  rmSync(join(directory, 'audit.jsonl'), { recursive: true });
  log.write(record);
  expect(lines()).toHaveLength(1);
  expect(errors().at(-1)).toMatchObject({ fields: { records: 2 } });
});

test('a record that a killed daemon has begun spoils no other one', () => {
  const before = open();
  before.write(record);
  before.close();
  appendFileSync(join(directory, 'audit.jsonl'), '{"time":"2026-01-');
  const after = open();
  after.write({ ...record, outcome: 'swapped' });
  after.close();
  const [first, torn, last, ...more] = readFileSync(join(directory, 'audit.jsonl'), 'utf8').split('\n');
  expect([torn, ...more]).toEqual(['{"time":"2026-01-', '']);
  expect([first, last].map((line) => JSON.parse(line ?? ''))).toMatchObject([
    { outcome: 'begun' },
    { outcome: 'swapped' },
  ]);
});

test('a record for half of which there is room leaves no half one', () => {
  const program = bundleProgram(join(__dirname, 'audit-program.ts'));
  try {
    const shell = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, program.file, directory];
    execFileSync('/bin/sh', shell, { stdio: 'pipe' });
  } finally {
    rmSync(program.directory, { recursive: true });
  }
  const before = lines();
  expect(before.length).toBeGreaterThan(0);
  expect(before.length).toBeLessThan(40);
  const log = open();
  log.write(record);
  log.close();
  expect(lines()).toEqual([...before, { ...record, time: expect.any(String) }]);
});
