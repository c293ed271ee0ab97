import { DaemonRoom, type Ran } from '../support/daemon';
import { poll } from '../support/poll';

// A daemon that is killed in the middle of an upgrade: the command tells the story before its next start and after it.
let room: DaemonRoom;
beforeEach(() => {
  room = new DaemonRoom();
});
afterEach(() => room.close());

/** Of the operation that was under way. */
let killed = '';
const json = (text: string) => JSON.parse(text);

/** Begins an upgrade, kills the daemon when this step has begun, and resolves to what the one who waited was told. */
async function killedAt(step: string, args: readonly string[]): Promise<Ran> {
  const admin = await room.admin();
  const waiting = room.plugd('upgrade', ...args);
  const id = await poll(
    async () => (await admin.listPlugins({})).plugins.find(({ name }) => name === 'kv')?.operation ?? '',
    (seen) => seen !== '',
  );
  for await (const { update } of admin.watchOperation({ id }))
    if (update?.$case === 'progress' && update.value?.['step'] === step) break;
  killed = id;
  await room.end('SIGKILL');
  return waiting;
}

test('before the swap: whoever waits is told so, and so is whoever asks; the next start undoes it', async () => {
  room.shelf.put('kv', '1.0.0');
  room.shelf.put('kv', '2.0.0');
  await room.start();
  await room.runs('kv', '2.0.0');
  const waited = await killedAt('shift', ['kv', '1.0.0', '--strategy', 'canary', '--step', '50:1h,100']);
  expect(waited.code).toBe(3);
  expect(waited.stderr).toContain('[DAEMON_UNREACHABLE]');
  expect(waited.stderr).toContain('status --offline');
  const down = await room.plugd('status');
  expect(down.code).toBe(3);
  expect(down.stderr).toContain('status --offline');

  const table = await room.plugd('status', '--offline');
  expect(table.code).toBe(0);
  expect(table.stdout).toContain('kv: upgrade 2.0.0 → 1.0.0\n');
  expect(table.stdout).toContain('It had begun: prepare, start, health, contract, shift\n');
  expect(table.stdout).toContain('undoes it: 2.0.0 serves again.\n');
  const asJson = await room.plugd('status', 'kv', '--offline', '--json');
  expect(json(asJson.stdout)).toMatchObject({
    runs: null,
    damage: null,
    stateDir: room.stateDir,
    unfinished: [
      {
        id: killed,
        plugin: 'kv',
        operation: 'upgrade',
        strategy: 'canary',
        fromVersion: '2.0.0',
        toVersion: '1.0.0',
        outcome: 'unfinished',
        next: { does: 'undo', version: '2.0.0' },
      },
    ],
  });
  expect(json((await room.plugd('status', 'other', '--offline', '--json')).stdout).unfinished).toEqual([]);

  await room.start();
  await room.runs('kv', '2.0.0');
  const described = json((await room.plugd('describe', 'kv', '--json')).stdout);
  expect(described.operations[0]).toMatchObject({
    id: killed,
    operation: 'upgrade',
    fromVersion: '2.0.0',
    toVersion: '1.0.0',
    outcome: 'failed',
    message: 'Its daemon was killed at shift; the next one undid it: 2.0.0 served again.',
  });
  expect((await room.plugd('status', 'kv')).stdout).toContain('Its daemon was killed at shift');
  // A daemon that runs is not disturbed, and it is said that there is one.
  const live = await room.plugd('status', '--offline');
  expect(live.code).toBe(0);
  expect(live.stderr).toContain(`A daemon runs (process ${room.pid})`);
  expect(live.stdout).toContain('undone after a kill');
  await room.runs('kv', '2.0.0');
});

test('after the swap: the next start finishes it', async () => {
  room.shelf.put('kv', '1.0.0');
  await room.start();
  await room.runs('kv', '1.0.0');
  room.shelf.put('kv', '2.0.0', { manifest: 'bakeMs: 3600000\n' });
  await room.runs('kv', '2.0.0');
  await room.end('SIGKILL');
  const { stdout } = await room.plugd('status', '--offline', '-o', 'json');
  expect(json(stdout).unfinished).toMatchObject([
    { fromVersion: '1.0.0', toVersion: '2.0.0', next: { does: 'finish', version: '2.0.0' } },
  ]);
  await room.start();
  await room.runs('kv', '2.0.0');
  const { operations } = json((await room.plugd('status', 'kv', '-o', 'json')).stdout);
  expect(operations[0]).toMatchObject({
    outcome: 'swapped',
    message: expect.stringContaining('finished it'),
  });
});

test('where nothing was kept there is nothing to tell, and nothing is made', async () => {
  const ran = await room.plugd('status', '--offline', '--state-dir', 'nowhere', '--json');
  expect([ran.code, json(ran.stderr).error.code]).toEqual([1, 'STATE_DIR_UNUSABLE']);
  expect((await room.plugd('status', '--state-dir', 'nowhere')).code).toBe(2);
});
