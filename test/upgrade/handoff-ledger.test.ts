import { CounterCallers } from '../support/counter-callers';
import { CounterLedger } from '../support/counter-ledger';
import { CounterRoom } from '../support/counter-room';
import { checkLinearizable } from '../support/linearizability';
import { describeWithGo } from '../support/needs-go';
import { counterGo, counterTs, counterWrong } from '../support/samples';

jest.setTimeout(120_000);

const full = process.env['PLUGD_FULL'] === '1';

let room: CounterRoom;
beforeEach(async () => {
  room = await CounterRoom.open();
});
afterEach(() => room.close());

interface Version {
  readonly command: string;
  readonly version: string;
}

const first = (command: string): Version => ({ command, version: '1.0.0' });
const second = (command: string): Version => ({ command, version: '2.0.0' });

/** What eight callers see of a counter that the host upgrades from each of these to the next. */
async function ledgerOf(
  [begin, ...others]: readonly [Version, ...Version[]],
  env: Readonly<Record<string, string>> = {},
): Promise<CounterLedger> {
  const plugin = await room.load(begin.command, {
    version: begin.version,
    env,
    // Each call of these callers makes a connection of its own, which TLS makes dear; the machine may be busy.
    autoMtls: false,
    restart: { hold: { limitMs: 20_000 } },
  });
  const ledger = new CounterLedger();
  const callers = new CounterCallers(plugin, ledger, { callers: 8 });
  try {
    for (const next of others) {
      await callers.goOn(50);
      const { strategy, outcome, calls } = await plugin.upgrade({ ...next, env });
      expect({ strategy, outcome, ...calls }).toMatchObject({
        strategy: 'handoff',
        outcome: 'swapped',
        cut: 0,
        failed: 0,
      });
    }
    await callers.goOn(50);
  } finally {
    await callers.stop();
  }
  return ledger;
}

describeWithGo('handoffs by the host', () => {
  test('look to all callers as if there were one counter, across languages', async () => {
    const { entries, errors } = await ledgerOf([
      first(counterGo('1')),
      second(counterTs('2')),
      // Every day to another language, and back.
      ...(full ? [second(counterGo('2')), first(counterTs('1'))] : []),
      first(counterGo('1')),
    ]);
    expect(errors).toEqual([]);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, wrong: [], unknown: 0 });
  });

  // What each of them looks like is tried without a host too.
  test.each(full ? ['double', 'lose', 'stale'] : ['lose'])(
    'do not where a plugin hands over wrongly: %s',
    async (bug) => {
      const versions = [first(counterWrong('1')), second(counterWrong('2'))] as const;
      const { entries, errors } = await ledgerOf(versions, { COUNTER_BUG: bug });
      expect(errors).toEqual([]);
      expect(await checkLinearizable(entries)).toMatchObject({ linearizable: false, undecided: [] });
    },
  );
});
