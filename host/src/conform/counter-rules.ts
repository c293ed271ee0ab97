import type { Broker } from '@plugd/protocol/broker/broker';
import { WAIT_MS } from '@plugd/protocol/broker/rules';
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { describeError } from './inquiry';
import { type Finding, fail, pass, type Rule, verdict } from './rule';
import type { Session } from './session';

// Which of a plugin's calls use the broker only its contract says. This one is known here, so a plugin that serves
// it, or serves it for the sake of this check, is held against the rest of the broker's rules.

const section = 'broker';
const needs = ['broker.stream', 'health.plugin'];
const KEY = 'plugd-conform';
/** What the host's adder adds on top: who adds by itself is found out. */
const EXTRA = 1_000;

type Counter = PromiseClient<CounterDefinition>;

export const counterRules: readonly Rule<Session>[] = [
  {
    id: 'broker.dials',
    rule: 'The plugin dials what the host serves, by the id that it is told, each time anew.',
    section,
    expected: 'two calls of the host’s service, on two ids; where samples.counter.v1.Counter is served',
    needs,
    appliesTo: servesCounter,
    check: (session) => withBroker(session, dials),
  },
  {
    id: 'broker.serves',
    rule: 'What the plugin serves for the host answers at the id that it tells, two at a time under two ids.',
    section,
    expected: 'answers of both; where samples.counter.v1.Counter is served',
    needs,
    appliesTo: servesCounter,
    check: (session) => withBroker(session, serves),
  },
  {
    id: 'broker.unserved',
    rule: 'A dial of an id that was used up fails after five seconds or at once, and one that is served again is found.',
    section,
    expected: 'an error, then an answer; where samples.counter.v1.Counter is served',
    needs,
    appliesTo: servesCounter,
    check: (session) => withBroker(session, unserved),
  },
];

const asked = new WeakMap<Session, Promise<boolean>>();

/** By a call that changes nothing: not all plugins have reflection. */
function servesCounter(session: Session): Promise<boolean> {
  if (!session.connected) return Promise.resolve(false);
  const known = asked.get(session);
  if (known !== undefined) return known;
  const answer = createPromiseClient(CounterDefinition, session.channel)
    .get({ key: KEY }, { timeoutMs: session.limitMs })
    .then(
      () => true,
      () => false,
    );
  asked.set(session, answer);
  return answer;
}

function withBroker(
  session: Session,
  check: (broker: Broker, counter: Counter, timeoutMs: number) => Promise<Finding>,
): Promise<Finding> | Finding {
  const line = session.openBroker();
  const over = line.endFinding();
  if (over !== undefined) return over;
  const counter = createPromiseClient(CounterDefinition, session.channel);
  // A call may last as long as the dial in it.
  return check(session.brokerOn(line), counter, WAIT_MS + session.limitMs).catch((error: unknown) =>
    fail(describeError(error)),
  );
}

/** What the key then holds, and how often the host was asked for it. */
async function put(
  broker: Broker,
  counter: Counter,
  { value, id, timeoutMs }: { value: number; id?: number; timeoutMs: number },
): Promise<{ id: number; value: number; calls: number }> {
  let calls = 0;
  const helper = await broker.serve(
    AddHelperDefinition,
    {
      sum: ({ a, b }) => {
        calls += 1;
        return { r: a + b + EXTRA };
      },
    },
    id === undefined ? {} : { id },
  );
  try {
    const answer = await counter.put({ key: KEY, value, helper }, { timeoutMs });
    return { id: helper, value: answer.value, calls };
  } finally {
    await broker.release(helper);
  }
}

async function dials(broker: Broker, counter: Counter, timeoutMs: number): Promise<Finding> {
  const { value: before } = await counter.get({ key: KEY }, { timeoutMs });
  const first = await put(broker, counter, { value: 3, timeoutMs });
  const second = await put(broker, counter, { value: 4, timeoutMs });
  const expected = before + 3 + EXTRA;
  const calls = first.calls + second.calls;
  const right = first.value === expected && second.value === expected + 4 + EXTRA && calls === 2;
  return verdict(right, `${calls} calls, ${first.value} and ${second.value}`);
}

async function serves(broker: Broker, counter: Counter, timeoutMs: number): Promise<Finding> {
  const { value: expected } = await counter.get({ key: KEY }, { timeoutMs });
  const sessions = [await counter.open({}, { timeoutMs }), await counter.open({}, { timeoutMs })];
  const values: number[] = [];
  for (const { session } of sessions) {
    const channel = await broker.dial(session);
    try {
      const client = createPromiseClient(CounterSessionDefinition, channel);
      values.push((await client.read({ key: KEY }, { timeoutMs })).value);
    } finally {
      channel.close();
    }
  }
  const ids = sessions.map(({ session }) => session);
  const right = new Set(ids).size === 2 && values.every((value) => value === expected);
  return verdict(right, `ids ${ids.join(' and ')}, values ${values.join(' and ')}`);
}

async function unserved(broker: Broker, counter: Counter, timeoutMs: number): Promise<Finding> {
  const { id } = await put(broker, counter, { value: 1, timeoutMs });
  const begin = performance.now();
  const answer = await counter.put({ key: KEY, value: 1, helper: id }, { timeoutMs }).catch(() => undefined);
  const elapsedMs = Math.round(performance.now() - begin);
  if (answer !== undefined) return fail(`an answer, ${answer.value}, though nothing was served`);
  if (elapsedMs >= timeoutMs) return fail(`no answer within ${timeoutMs} ms`);
  const { calls } = await put(broker, counter, { value: 1, id, timeoutMs });
  return calls === 1
    ? pass(`an error after ${elapsedMs} ms, then an answer`)
    : fail(`an error after ${elapsedMs} ms; served again it was asked ${calls} times`);
}
