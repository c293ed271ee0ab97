import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createHost, type Host, type HostEvent } from '@plugd/host';
import { poll } from '../support/poll';
import { RecordingLogger } from '../support/recording-logger';
import { SeededRandom } from '../support/seeded-random';

const full = process.env['PLUGD_FULL'] === '1';
/** Of a hundred of them ten were lost, when a directory could change between the look that found it and the watch. */
const rounds = full ? 400 : 50;
/** Events are gathered for so long before a look, in milliseconds: it is made just when the version comes. */
const gatherMs = 20;

let root: string;
let host: Host;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'events-'));
  // No look but for an event.
  const pluginsDir = { directory: root, quietMs: 0, rescanMs: 3_600_000 };
  host = await createHost({ pluginsDir, logger: new RecordingLogger() });
});
afterEach(async () => {
  await host.close();
  rmSync(root, { recursive: true, force: true });
});

test('a version is found whenever it comes into a directory that has just been made', async () => {
  const random = new SeededRandom();
  const told = new Set<string>();
  host.on('event', (event: HostEvent) => {
    if (event.type === 'artifact' && event.phase === 'failed') told.add(event.plugin);
  });
  for (let round = 0; round < rounds; round++) {
    const name = `kv-${round}`;
    const hidden = join(root, name, '.1.0.0');
    mkdirSync(hidden, { recursive: true });
    // It can't be run, so that a round takes no start.
    writeFileSync(join(hidden, 'plugin.yaml'), `name: ${name}\n`);
    const end = performance.now() + gatherMs - 1 + 5 * random.next();
    while (performance.now() < end) await turn();
    renameSync(hidden, join(root, name, '1.0.0'));
    await poll(
      () => told.has(name),
      (found) => found,
    );
    rmSync(join(root, name), { recursive: true });
  }
  expect(told.size).toBe(rounds);
}, 120_000);
