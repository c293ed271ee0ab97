import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminClient } from '../../host/src/admin/admin-client';
import { DaemonRoom } from '../support/daemon';
import { type DoorCaller, doorCallers, pythonCallerIsHere } from '../support/door-caller';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs, type SampleVersion } from '../support/samples';

const full = process.env['PLUGD_FULL'] === '1';
const upgrades = full ? 20 : 3;
const languages = pythonCallerIsHere ? 'a Go and a Python client' : 'a Go client (Python is not here)';
const samples = { 'kv-ts': kvTs, 'kv-go': kvGo };

describeWithGo('clients of a daemon', () => {
  const room = new DaemonRoom();
  const callers: DoorCaller[] = [];
  let admin: AdminClient;
  beforeAll(async () => {
    for (const [name, sample] of Object.entries(samples))
      for (const version of ['1', '2'] as const) lay(name, version, sample(version));
    admin = await room.start();
    await Promise.all(Object.keys(samples).map((name) => room.runs(name, '2.0.0')));
  }, 60_000);
  afterAll(async () => {
    for (const caller of callers) caller.kill();
    await room.close();
  });

  function lay(name: string, version: SampleVersion, program: string): void {
    const place = room.shelf.place(name, `${version}.0.0`);
    mkdirSync(place, { recursive: true });
    copyFileSync(program, join(place, 'kv'));
    chmodSync(join(place, 'kv'), 0o755);
    writeFileSync(
      join(place, 'plugin.yaml'),
      `name: ${name}
version: ${version}.0.0
command: kv
handshake: { cookie: [KV_PLUGIN, hello], protocolVersions: [1, 2] }
env: { ROOM_MARK: '${room.mark}' }
services: [samples.kv.v1.Kv]
`,
    );
  }

  async function upgrade(plugin: string, target: string): Promise<void> {
    const { operation } = await admin.beginOperation({ plugin, operation: 'upgrade', target });
    for await (const { update } of admin.watchOperation({ id: operation?.id ?? '' }))
      if (update?.$case === 'error') throw new Error(JSON.stringify(update.value));
  }

  test(`no call of ${languages} to a TS and a Go plugin fails, over ${upgrades} upgrades of each`, async () => {
    callers.push(...doorCallers(Object.keys(samples).map((name) => `${room.frontDoor}#${name}`)));
    await Promise.all(callers.map((caller) => caller.begun()));
    const target = (round: number) => (round % 2 === 0 ? '2.0.0' : '1.0.0');
    for (let i = 1; i <= upgrades; i++)
      await Promise.all(Object.keys(samples).map((name) => upgrade(name, target(i))));
    for (const caller of callers) {
      const { calls, failures } = await caller.stop();
      expect([caller.language, failures]).toEqual([caller.language, []]);
      // Some of them during the upgrades.
      expect(calls).toBeGreaterThan(50);
    }
    const { plugins } = await admin.listPlugins({});
    expect(plugins.map(({ name, generation, runningVersion }) => [name, generation, runningVersion])).toEqual(
      [
        ['kv-go', upgrades + 1, target(upgrades)],
        ['kv-ts', upgrades + 1, target(upgrades)],
      ],
    );
  }, 300_000);
});
