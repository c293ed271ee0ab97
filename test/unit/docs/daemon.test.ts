import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AdminDefinition } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { Redactor } from '../../../host/src/config/redactor';
import { AuditLog } from '../../../host/src/daemon/audit-log';
import { RecordingLogger } from '../../support/recording-logger';

// What docs/daemon.md lists is held against the code.

const page = readFileSync(resolve(__dirname, '../../../docs/daemon.md'), 'utf8');

/** The first cells of a section's table, where they are code. */
function listed(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell);
}

test('it lists each method of the admin API, in its order', () => {
  expect(listed('The admin API')).toEqual(Object.values(AdminDefinition.methods).map(({ name }) => name));
});

test('it explains each field of the record of changes, in its order', () => {
  const directory = mkdtempSync(join(tmpdir(), 'audit-'));
  try {
    const log = new AuditLog({ directory, logger: new RecordingLogger(), redactor: new Redactor() });
    const client = { program: 'p', user: 'u', pid: 1 };
    log.write({ client, verb: 'upgrade', plugin: 'kv', parameters: {}, outcome: 'begun', operation: 'kv-1' });
    log.close();
    const line: unknown = JSON.parse(readFileSync(join(directory, 'audit.jsonl'), 'utf8'));
    expect(listed('The record of changes')).toEqual(Object.keys(line ?? {}));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
