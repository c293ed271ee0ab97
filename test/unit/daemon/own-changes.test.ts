import type { HostEvent } from '@plugd/host';
import type { AuditRecord } from '../../../host/src/admin/admin-backend';
import { OwnChanges } from '../../../host/src/daemon/own-changes';

type Artifact = Extract<HostEvent, { type: 'artifact' }>;

/** What is written down of these, each a phase, its reason and the version. */
function written(...events: readonly [Artifact['phase'], Artifact['cause'], string?][]): string[] {
  const records: AuditRecord[] = [];
  const { observe } = new OwnChanges((record) => records.push(record));
  for (const [phase, cause, version = '1.0.0'] of events)
    observe({ type: 'artifact', plugin: 'kv', sequence: 1, time: 1, version, phase, cause });
  return records.map(({ client, verb, plugin, parameters, outcome }) =>
    [client, verb, plugin, parameters['version'], outcome].join(' '),
  );
}

const directory = { reason: 'directory' };
const settings = { reason: 'settings' };
const failure = { reason: 'error', code: 'SPAWN_FAILED' } as const;

test('what lies on disk is the directory’s, and what is said of a plugin is the config’s', () => {
  expect(written(['found', directory], ['loading', directory], ['running', directory])).toEqual([
    'directory put kv 1.0.0 done',
  ]);
  expect(written(['loading', settings], ['running', settings])).toEqual(['config configure kv 1.0.0 done']);
  expect(written(['removed', settings])).toEqual(['config stop kv 1.0.0 done']);
  expect(written(['removed', directory])).toEqual(['directory remove kv 1.0.0 done']);
});

test('a failure is that of what was begun, of the same version', () => {
  expect(
    written(
      ['loading', settings],
      // Beside it something is put there that can't be run.
      ['failed', failure, '2.0.0'],
      ['failed', failure],
      ['loading', directory],
      ['failed', failure],
    ),
  ).toEqual([
    'directory put kv 2.0.0 SPAWN_FAILED',
    'config configure kv 1.0.0 SPAWN_FAILED',
    'directory put kv 1.0.0 SPAWN_FAILED',
  ]);
});
