import { rules } from '../../host/src/conform/conform';
import { type Mode, modes, type RuleResult } from '../../host/src/conform/rule';
import { brokenBy, check, withVerdict } from '../support/conform-report';
import { describeWithGo } from '../support/needs-go';
import { chaosTs, counterGo, counterTs, kvOld } from '../support/samples';

// The rules of the broker, on plugins whose calls use it, and on one that lies. They have nothing in common, and some run at once.
jest.setTimeout(120_000);

const full = process.env['PLUGD_FULL'] === '1';

/** All modes, or the one that is looked at every day. */
function counter(daily: Mode) {
  const chosen = full ? modes : [daily];
  return { cookie: ['COUNTER_PLUGIN', 'hello'] as const, modes: chosen, modesOnly: !full };
}
const brokers = rules.map(({ id }) => id).filter((id) => id.startsWith('broker.'));

/** Each rule of the broker passed in each mode. */
function expectBrokered(results: readonly RuleResult[], looked: readonly Mode[]): void {
  expect(withVerdict(results, 'fail')).toEqual([]);
  const passed = results.filter(({ id, verdict }) => brokers.includes(id) && verdict === 'pass');
  const wanted = looked.flatMap((mode) => brokers.map((id) => `${id} ${mode}`));
  expect(passed.map(({ id, mode }) => `${id} ${mode}`)).toEqual(wanted);
}

test.concurrent('the counter in TypeScript keeps every rule of the broker', async () => {
  // Without multiplexing one rule waits out the five seconds of a dial that nobody answers.
  const how = counter('multiplexed-automtls');
  const results = await check({ plugin: counterTs('2'), ...how });
  expectBrokered(results, how.modes);
  expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});

describeWithGo('samples in Go', () => {
  test.concurrent('the counter keeps every rule of the broker', async () => {
    const how = counter('multiplexed');
    expectBrokered(await check({ plugin: counterGo('2'), ...how }), how.modes);
  });

  test.concurrent('the one made with go-plugin 1.4 bears what a host may say to its broker', async () => {
    const results = await check({ plugin: kvOld(), versions: [1], modes: ['plain'], modesOnly: true });
    expect(withVerdict(results, 'fail')).toEqual([]);
    const passed = withVerdict(results, 'pass').filter((id) => brokers.includes(id));
    expect(passed).toEqual(['broker.stream', 'broker.offers', 'broker.knocks', 'broker.answers']);
  });
});

const lies: [chaos: string, mode: Mode, broken: string[]][] = [
  [
    'lying-broker:unix:/nonexistent/x;pretend-counter',
    'plain',
    ['broker.dials', 'broker.serves', 'broker.unserved'],
  ],
  ['multiplex;bad-broker:admits:knock', 'multiplexed', ['broker.knocks']],
  ['bad-broker:crashes:offer', 'plain', ['broker.offers', 'process.stays']],
  ['bad-broker:ends:offer', 'automtls', ['broker.offers']],
  ['bad-broker:crashes:knock', 'plain', ['broker.knocks', 'process.stays']],
  ['multiplex;bad-broker:crashes:knock', 'multiplexed', ['broker.knocks', 'process.stays']],
  ['bad-broker:fails:answer', 'plain', ['broker.answers']],
  // Both wait until the limit is over.
  ['bad-broker:hangs:answer', 'plain', ['broker.answers', 'shutdown.ends']],
];

test.concurrent.each(full ? lies : lies.slice(0, 2))(
  'a plugin that does "%s" in the mode %s breaks %j',
  async (chaos, mode, broken) => {
    expect(await brokenBy(chaos, mode, 4_000)).toEqual(broken);
  },
);

test.concurrent('what needs a broker is not looked at in a plugin that has none', async () => {
  const env = { CHAOS: 'pretend-counter' };
  const results = await check({ plugin: chaosTs(), modes: ['plain'], modesOnly: true, env });
  expect(withVerdict(results, 'fail')).toEqual([]);
  const skipped = results.filter(({ id }) => brokers.includes(id) && id !== 'broker.stream');
  expect(skipped.map(({ verdict, seen }) => `${verdict}: ${seen}`)).toEqual(
    brokers.slice(1).map(() => 'skip: the plugin has no broker'),
  );
});
