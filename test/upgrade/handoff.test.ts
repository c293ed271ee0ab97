import type { Plugin, UpgradeReport } from '@plugd/host';
import { CounterRoom, put } from '../support/counter-room';
import { type CounterEntry, checkLinearizable } from '../support/linearizability';
import { testWithGo } from '../support/needs-go';
import { counterGo, counterTs } from '../support/samples';

let room: CounterRoom;
beforeEach(async () => {
  room = await CounterRoom.open();
});
afterEach(() => room.close());

/** Callers that add one to a key, each in its own scope, until they are told to end. */
function callers(plugin: Plugin, count: number): { end(): Promise<CounterEntry[]> } {
  const entries: CounterEntry[] = [];
  let ending = false;
  const now = () => Math.round(performance.now() * 1e6);
  const loops = Array.from({ length: count }, async (_, client) => {
    const key = `k${client % 8}`;
    while (!ending) {
      const begin = now();
      const entry = { client, op: 'add' as const, key, value: 1, begin };
      try {
        const { value } = await plugin.pinned((scope) => put(scope, key, 1));
        entries.push({ ...entry, answer: value, status: 'ok', end: now() });
      } catch (error) {
        entries.push({ ...entry, answer: null, status: 'unknown', end: null });
        failures.push(error);
        return;
      }
    }
  });
  const failures: unknown[] = [];
  return {
    async end() {
      ending = true;
      await Promise.all(loops);
      expect(failures).toEqual([]);
      return entries;
    },
  };
}

testWithGo('a counter keeps its numbers over handoffs between Go and TypeScript', async () => {
  const plugin = await room.load(counterGo('1'));
  const load = callers(plugin, 8);
  const reports: UpgradeReport[] = [];
  for (const command of [counterTs('2'), counterGo('2'), counterTs('1'), counterGo('1')]) {
    const version = /v?1$/.test(command) ? '1.0.0' : '2.0.0';
    reports.push(await plugin.upgrade({ command, version }));
  }
  const entries = await load.end();
  expect(reports.map(({ strategy, calls }) => [strategy, calls.failed, calls.cut])).toEqual(
    reports.map(() => ['handoff', 0, 0]),
  );
  console.log(
    reports
      .map(
        (r) =>
          `${r.pauseMs.toFixed(1)} ${r.stateBytes} ${r.totalMs.toFixed(0)} ${r.calls.held}` +
          r.steps.map((s) => `${s.step} ${s.elapsedMs.toFixed(1)}`).join(),
      )
      .join('\n'),
    entries.length,
  );
  expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
});
