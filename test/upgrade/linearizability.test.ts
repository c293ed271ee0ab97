import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { CounterLedger } from '../support/counter-ledger';
import { LedCounter, LedRoute } from '../support/led-counter';
import { type CounterEntry, checkLinearizable } from '../support/linearizability';
import { describeWithGo } from '../support/needs-go';
import { counterGo, counterTs, counterWrong } from '../support/samples';

const full = process.env['PLUGD_FULL'] === '1';

const keys = ['a', 'b', 'c', 'd'];

const left: LedCounter[] = [];
afterEach(async () => {
  await Promise.all(left.splice(0).map((counter) => counter.dispose().catch(() => {})));
});

async function start(command: string, env: Readonly<Record<string, string>> = {}): Promise<LedCounter> {
  const counter = await LedCounter.start(command, env);
  left.push(counter);
  return counter;
}

/** What eight callers see of counters of which each hands over to the next, in the midst of their calls. */
async function ledgerOf(
  commands: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CounterLedger> {
  const ledger = new CounterLedger();
  const [first = '', ...others] = commands;
  const counter = await start(first, env);
  await counter.life.activate({});
  const route = new LedRoute(counter);
  let going = true;
  const callers = Array.from({ length: 8 }, async (_, client) => {
    for (let i = client; going; i += 1) {
      const key = keys[i % keys.length] ?? 'a';
      if (i % 3 === 0) await ledger.get(client, key, () => route.get(key));
      else await ledger.add(client, key, 1 + (i % 7), () => route.add(key, 1 + (i % 7)));
    }
  });
  try {
    for (const command of others) {
      const next = await start(command, env);
      const seen = ledger.entries.length;
      while (ledger.entries.length < seen + 100) await sleep(2);
      await route.handOver(next);
    }
    const seen = ledger.entries.length;
    while (ledger.entries.length < seen + 100) await sleep(2);
  } finally {
    going = false;
    await Promise.all(callers);
  }
  for (const key of keys) await ledger.get(8, key, () => route.get(key));
  return ledger;
}

const entry = (over: Partial<CounterEntry>): CounterEntry => ({
  client: 0,
  op: 'get',
  key: 'a',
  answer: 0,
  status: 'ok',
  begin: 0,
  end: 1,
  ...over,
});

describeWithGo('the ledger of a counter', () => {
  test('is that of one counter where each version hands its numbers over rightly, in either language', async () => {
    const commands = [
      counterGo('1'),
      counterTs('2'),
      counterGo('2'),
      ...(full ? [counterTs('1'), counterGo('1'), counterGo('2')] : []),
    ];
    const { entries, errors } = await ledgerOf(commands);
    expect(errors).toEqual([]);
    const verdict = await checkLinearizable(entries);
    expect(verdict).toMatchObject({ linearizable: true, wrong: [], undecided: [], unknown: 0, failed: 0 });
    expect(verdict).toMatchObject({ operations: entries.length, keys: keys.length });
  }, 60_000);

  test.each(['double', 'lose', 'stale'])(
    'is not where a version hands its numbers over wrongly: %s',
    async (bug) => {
      const commands = [counterWrong('1'), counterWrong('2'), ...(full ? [counterWrong('1')] : [])];
      const { entries, errors } = await ledgerOf(commands, { COUNTER_BUG: bug });
      expect(errors).toEqual([]);
      const { linearizable, wrong } = await checkLinearizable(entries);
      expect(linearizable).toBe(false);
      const [first] = wrong;
      expect(entries[(first?.entry ?? 0) - 1]).toEqual(first?.call);
    },
    60_000,
  );

  test('says of calls that failed whether they may have been executed', async () => {
    const ledger = new CounterLedger();
    const refused = new RpcError(status.UNAVAILABLE, 'held too long', {
      metadata: { 'plugd-executed': 'no' },
    });
    await ledger.add(0, 'a', 1, () => Promise.reject(refused));
    await ledger.add(0, 'a', 2, () => Promise.reject(new RpcError(status.UNAVAILABLE, 'it crashed')));
    await ledger.get(0, 'a', () => Promise.resolve(2));
    expect(ledger.entries.map((one) => one.status)).toEqual(['failed', 'unknown', 'ok']);
    expect(await checkLinearizable(ledger.entries)).toMatchObject({
      linearizable: true,
      failed: 1,
      unknown: 1,
    });
    await ledger.get(0, 'a', () => Promise.resolve(1));
    expect(await checkLinearizable(ledger.entries)).toMatchObject({ linearizable: false });
  });

  test('is judged only where it is one, and where there is time', async () => {
    expect(await checkLinearizable([])).toMatchObject({ linearizable: true, operations: 0 });
    await expect(checkLinearizable([entry({}), entry({ end: -1 })])).rejects.toThrow('entry 2');
    // As many orders as there are subsets of what is unknown.
    const adds = Array.from({ length: 60 }, (_, i) =>
      entry({ op: 'add', value: 2 ** (i % 30), answer: null, status: 'unknown', end: null }),
    );
    const never = entry({ answer: -1, begin: 2, end: 3 });
    await expect(checkLinearizable([...adds, never], { timeoutMs: 200 })).rejects.toThrow('no verdict');
  }, 60_000);
});
