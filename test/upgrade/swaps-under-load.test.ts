import type { UpgradeReport } from '@plugd/host';
import { HostRoom } from '../support/host-room';
import { Load } from '../support/load';
import { goIsHere } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';

// Real processes after one another behind stubs that are made once, under many loops and 4 streams.

const full = process.env['PLUGD_FULL'] === '1';
// The fifty take more than a minute. Every day each language follows each.
const swaps = full ? 50 : 4;
/** Processes start slowly where all of the machine is taken by calls. */
const loops = full ? 64 : 20;

interface Version {
  readonly command: string;
  readonly version: string;
  readonly language: 'TS' | 'Go';
}

const ts: readonly Version[] = [
  { command: kvTs('1'), version: '1.0.0', language: 'TS' },
  { command: kvTs('2'), version: '2.0.0', language: 'TS' },
];
const versions: readonly Version[] = goIsHere
  ? [
      { command: kvGo('1'), version: '1.0.0', language: 'Go' },
      { command: kvGo('2'), version: '2.0.0', language: 'Go' },
      ...ts,
    ]
  : ts;
const at = (i: number): Version => {
  const version = versions[i % versions.length];
  if (version === undefined) throw new Error('no versions');
  return version;
};

test('no call fails, goes to a version that had left, or is torn, over many swaps of processes', async () => {
  const room = await HostRoom.open();
  try {
    const ledger = room.ledger('kv');
    const plugin = await room.load(at(0).command, { version: at(0).version });
    const load = await Load.start(plugin, ledger, {
      unary: loops,
      // Generations count from 1.
      endsWhenDraining: (generation) => at(generation - 1).language === 'TS',
    });
    const reports: UpgradeReport[] = [];
    const begun = performance.now();
    for (let i = 1; i <= swaps; i++) {
      const { command, version } = at(i);
      reports.push(await plugin.upgrade({ command, version }));
    }
    const elapsedMs = performance.now() - begun;
    await load.stop();

    expect(ledger.wrong).toEqual([]);
    expect(ledger.swaps.map(({ generation }) => generation)).toEqual(numbers(swaps + 1));
    reports.forEach((report, i) => {
      const { outcome, from, to, calls, warnings } = report;
      expect({ outcome, cut: calls.cut, failed: calls.failed, warnings }).toEqual({
        outcome: 'swapped',
        cut: 0,
        failed: 0,
        warnings: [],
      });
      // The ledger heard of the same swaps as the reports tell.
      expect([from, to].map(({ version, generation, pid }) => ({ version, generation, pid }))).toEqual(
        ledger.swaps.slice(i, i + 2),
      );
      // Every swap came in the middle of calls: the streams', at least.
      expect(calls.drained).toBeGreaterThanOrEqual(3);
    });

    // Each generation was really called, in each way that there is.
    const answered = new Set(ledger.entries.map(({ generation }) => generation));
    expect([...answered].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(swaps + 1));
    const counts = new Map<string, number>();
    for (const { what } of ledger.entries) counts.set(what, (counts.get(what) ?? 0) + 1);
    expect(counts.size).toBe(10);
    expect(ledger.entries.filter(spansASwap).length).toBeGreaterThanOrEqual(3 * swaps);
    console.log(
      `${ledger.entries.length} calls over ${swaps} swaps in ${(elapsedMs / 1000).toFixed(1)} s, ` +
        `${ledger.entries.filter(spansASwap).length} of them across a swap: ` +
        [...counts].map(([what, count]) => `${what} ${count}`).join(', '),
    );
  } finally {
    await room.close();
  }
}, 180_000);

const spansASwap = ({ from, to }: { from: number; to: number }): boolean => from !== to;

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
