import type { ConnInfo } from '@plugd/protocol/gen/plugin/grpc_broker';
import { printable } from '@plugd/protocol/printable';
import { waitAtMost } from '../launch/wait-at-most';
import type { Message } from './broker-line';
import { health, lacking, OPEN_MS } from './inquiry';
import { type Finding, fail, pass, type Rule } from './rule';
import type { Session } from './session';

const section = 'broker';
const needs = ['broker.stream', 'health.plugin'];
const WORKS_ON = 'the stream stays open, and health answers, also on a new connection';

/** For what a message provokes; an answer that comes later changes nothing for whoever has gone on. */
const ANSWER_MS = 100;

/** Ids that no plugin has come to: they count from 1. */
const MAX_ID = 0xffff_ffff;
const STRANGE_ID = 4_000_000_007;

/** Offers that a plugin never waits for; the id comes twice. */
const offers: readonly Message[] = [0, MAX_ID, STRANGE_ID, STRANGE_ID].flatMap((serviceId) => [
  { serviceId, network: 'unix', address: '/nonexistent/plugd-conform' },
  { serviceId, network: 'carrier pigeon', address: 'no address' },
]);

const knocks: readonly Message[] = [0, MAX_ID, STRANGE_ID, STRANGE_ID].map((serviceId) => ({
  serviceId,
  knock: { knock: true, ack: false },
}));

/** Answers to knocks that the plugin never made, and what is neither a knock nor an answer. */
const answers: readonly Message[] = [0, MAX_ID, STRANGE_ID].flatMap((serviceId) => [
  { serviceId, knock: { knock: true, ack: true } },
  { serviceId, knock: { knock: true, ack: true, error: 'no listener' } },
  { serviceId, knock: { knock: false, ack: true } },
  { serviceId, knock: { knock: false, ack: false } },
]);

/** What any plugin with a broker has to bear from its host. */
export const brokerRules: readonly Rule<Session>[] = [
  {
    id: 'broker.stream',
    rule: 'The broker’s stream, by which further connections are agreed on, stays open as long as the host’s end.',
    section,
    expected: 'an open stream; optional',
    needs: ['connection.answers'],
    check: async (session) => {
      const line = session.openBroker();
      await waitAtMost(new Promise<unknown>((ended) => line.onEnd(ended)), OPEN_MS);
      if (line.ended === undefined) return pass(`open, with ${line.heard.length} messages so far`);
      const { cause } = line.ended;
      return cause === undefined ? fail('the stream ended by itself') : lacking(cause);
    },
  },
  {
    id: 'broker.offers',
    rule: 'Offers that nobody waits for have no effect: whatever the id and the address, and twice for one id.',
    section,
    expected: WORKS_ON,
    needs,
    check: (session) => bear(session, offers),
  },
  {
    id: 'broker.knocks',
    rule: 'A knock for an id that the plugin does not serve opens nothing: it is refused, or not answered.',
    section,
    expected: `no answer or one with an error; ${WORKS_ON}`,
    needs,
    check: (session) => bear(session, knocks, admitted),
  },
  {
    id: 'broker.answers',
    rule: 'Answers to knocks that the plugin never made have no effect.',
    section,
    expected: WORKS_ON,
    needs,
    check: (session) => bear(session, answers),
  },
];

/** Says something to the broker, and looks at what is left of the plugin's service. */
async function bear(
  session: Session,
  messages: readonly Message[],
  wrong: (heard: readonly ConnInfo[]) => string | undefined = () => undefined,
): Promise<Finding> {
  const line = session.openBroker();
  const over = line.endFinding();
  if (over !== undefined) return over;
  const before = line.heard.length;
  // Refused only by a stream that has ended, which is looked at below.
  await waitAtMost(
    line.say(messages).catch(() => {}),
    session.limitMs,
  );
  // On the same connection, so most plugins have read the messages before they answer it.
  const main = await health(session.channel, 'plugin', session.limitMs);
  await waitAtMost(new Promise<unknown>((ended) => line.onEnd(ended)), ANSWER_MS);
  const heard = line.heard.slice(before);
  const mistake = wrong(heard);
  if (mistake !== undefined) return fail(mistake);
  const ended = line.endFinding();
  if (ended !== undefined) return ended;
  if (main.verdict !== 'pass') return fail(`health on the main connection: ${main.seen}`);
  const fresh = await session.besides((channel) => health(channel, 'plugin', session.limitMs));
  if (fresh.verdict !== 'pass') return fail(`health on a new connection: ${fresh.seen}`);
  return pass(heard.length === 0 ? 'no answer, and all goes on' : `${told(heard)}, and all goes on`);
}

/** An answer without an error gives the next stream away, and who knocked opens it. */
function admitted(heard: readonly ConnInfo[]): string | undefined {
  const yes = heard.find(({ knock }) => knock?.ack === true && knock.error === '');
  return yes === undefined ? undefined : `the knock for id ${yes.serviceId} was answered without an error`;
}

function told(heard: readonly ConnInfo[]): string {
  const error = heard.find(({ knock }) => knock?.ack === true && knock.error !== '')?.knock?.error;
  const messages = `${heard.length} ${heard.length === 1 ? 'message' : 'messages'}`;
  return error === undefined ? messages : `${messages}, one with "${printable(error, 80)}"`;
}
