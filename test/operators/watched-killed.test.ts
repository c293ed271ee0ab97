import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createHost } from '@plugd/host';
import { bundleProgram } from '../support/bundle';
import { servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { processesWith } from '../support/processes';
import { RecordingLogger } from '../support/recording-logger';
import { Shelf } from '../upgrade/shelf';
import type { KilledOrder } from './watched-killed-program';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const program = bundleProgram(resolve(__dirname, 'watched-killed-program.ts'));
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));

let shelf: Shelf;
let place: string;
let mark: string;
beforeEach(() => {
  shelf = new Shelf();
  place = mkdtempSync(join(tmpdir(), 'watched-'));
  mark = `watched-${place.slice(-6)}`;
  shelf.mark = mark;
});
afterEach(() => {
  for (const pid of processesWith(mark)) process.kill(pid, 'SIGKILL');
  rmSync(place, { recursive: true, force: true });
  shelf.dispose();
});

const places = () => ({ runDir: place, stateDir: join(place, 'state') });

/** A host that kills itself when its upgrade comes to a step. */
async function begun(at: string): Promise<ChildProcess> {
  const order: KilledOrder = { ...places(), pluginsDir: shelf.directory, at };
  const child = spawn(process.execPath, [program.file, JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ROOM_MARK: mark },
  });
  await once(child.stdout, 'data');
  return child;
}

// Before the swap the old version is what the journal leads to, after it the new one: in the end the directory decides.
test.each(full ? ['prepare', 'start', 'health', 'verify', 'swap', 'drain', 'stop'] : ['swap'])(
  'a host that was killed at the step %s leaves a directory that the next one makes true, and nothing else',
  async (step) => {
    shelf.put('kv', '1.0.0', {
      manifest: 'smoke: [{ method: samples.kv.v1.Kv/Get, request: { key: a } }]\n',
    });
    const child = await begun(step);
    const died = once(child, 'exit');
    shelf.put('kv', '2.0.0', {
      manifest: 'smoke: [{ method: samples.kv.v1.Kv/Get, request: { key: a } }]\n',
    });
    expect((await died)[1]).toBe('SIGKILL');

    const host = await createHost({
      ...places(),
      pluginsDir: { directory: shelf.directory, quietMs: 60 },
      logger: new RecordingLogger(),
    });
    const plugin = await poll(
      () => host.plugin('kv'),
      (seen) => seen?.status().version === '2.0.0' && seen.status().state === 'serving',
    );
    if (plugin === undefined) throw new Error('it is not loaded');
    const copies = join(place, 'state', 'artifacts');
    await poll(
      () => [processesWith(mark).length, readdirSync(copies).length],
      ([processes, left = 0]) => processes === 1 && left <= 2,
    );
    expect(realpathSync(`/proc/${servingPid(plugin)}/cwd`)).toMatch(new RegExp(`^${realpathSync(copies)}/`));
    expect(host.versionsOnDisk()[0]?.versions[0]).toMatchObject({ version: '2.0.0', state: 'running' });
    await host.close();
    expect([processesWith(mark), readdirSync(copies)]).toEqual([[], []]);
    expect(readdirSync(place)).toEqual(['state']);
  },
);
