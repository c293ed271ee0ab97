import { setTimeout as pause } from 'node:timers/promises';
import { type Host, PluginError, type PluginOverrides } from '@plugd/host';
import { HostRoom } from '../support/host-room';
import { poll } from '../support/poll';
import { SeededRandom } from '../support/seeded-random';
import { Shelf } from '../upgrade/shelf';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(600_000);

const full = process.env['PLUGD_FULL'] === '1';

// What is asked by hand is refused as often as not, with a code of its own: in the end the directory has its way.
test('whatever is done by hand meanwhile, what is taken back is what lies on disk, with two copies at most', async () => {
  const shelf = new Shelf();
  const settings = new Map<string, PluginOverrides>();
  const room = await HostRoom.open({
    pluginsDir: { directory: shelf.directory, quietMs: 30, settings: (name) => settings.get(name) },
  });
  shelf.mark = room.mark;
  const { host } = room;
  const random = new SeededRandom();
  await random.during(async () => {
    const names = ['a', 'b'] as const;
    const versions = ['1.0.0', '1.1.0', '2.0.0'] as const;
    const there = new Set<string>();
    const asked: Promise<unknown>[] = [];
    for (let change = 1; change <= (full ? 250 : 30); change++) {
      const [name, version] = [random.pick(names), random.pick(versions)];
      const doing = random.pick<() => unknown>([
        () => {
          there.add(`${name}/${version}`);
          shelf.put(name, version, { tag: `${change}` });
        },
        () => {
          there.delete(`${name}/${version}`);
          shelf.remove(name, version);
        },
        () => host.upgradeTo(name, { version }, { strategy: 'overlap', dryRun: random.below(4) === 0 }),
        () => {
          const handle = host.upgradeTo(name, { version });
          setTimeout(() => handle.abort(), random.below(300));
          return handle;
        },
        () => host.plugin(name)?.stop(),
        () => host.plugin(name)?.rollback(),
        () => host.startAgain(name),
        () => host.pin(name, version),
        () => host.unpin(name),
        () => {
          settings.set(name, { env: { CHANGE: `${change}` } });
          return host.reconcile();
        },
        () => {
          settings.set(name, { enabled: false });
          return host.reconcile();
        },
        () => [host.plan(), host.versionsOnDisk()],
      ]);
      asked.push(refusable(async () => doing()));
      if (random.below(2) === 0) await pause(random.below(200));
    }
    settings.clear();
    await Promise.all(asked);
    for (const name of names) {
      await host.unpin(name);
      // It may be that nothing of it is there.
      await refusable(() => host.startAgain(name));
    }
    for (const name of names) {
      const highest = versions.findLast((version) => there.has(`${name}/${version}`));
      const running = () => host.versionsOnDisk().find((one) => one.name === name)?.running;
      await poll(running, (seen) => seen === highest);
    }
    await poll(
      () => host.plan(),
      (changes) => changes.length === 0,
    );
    expectSettled(host, there);
    const copies = room.files().filter((path) => /artifact-[^/]*$/.test(path));
    expect(copies.length).toBeGreaterThanOrEqual(host.plugins().length);
    expect(copies.length).toBeLessThanOrEqual(2 * names.length);
  });
  await room.close();
  shelf.dispose();
});

async function refusable(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
  }
}

function expectSettled(host: Host, there: ReadonlySet<string>): void {
  for (const plugin of host.plugins()) {
    const { version, state } = plugin.status();
    expect([state, there.has(`${plugin.name}/${version}`)]).toEqual(['serving', true]);
  }
}
