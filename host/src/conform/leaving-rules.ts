import { existsSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { GRPCControllerDefinition } from '@plugd/protocol/gen/plugin/grpc_controller';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { waitAtMost } from '../launch/wait-at-most';
import { describeExit } from '../launch/witness';
import { type Finding, fail, pass, type Rule, skip, verdict, warn } from './rule';
import type { Session } from './session';

const section = 'life and end';
/** As long as go-plugin's hosts wait before they kill. */
const PATIENCE_MS = 2_000;
/** For a signal to have its effect. */
const SIGNAL_MS = 300;

/** The end that a host asks for; the last rules of a process. */
export const leavingRules: readonly Rule<Session>[] = [
  {
    id: 'process.stays',
    rule: 'The plugin runs until it is asked to leave.',
    section,
    expected: 'it still runs after all that was asked of it',
    needs: ['handshake.first'],
    afterExit: true,
    check: ({ probe: { kept } }) =>
      kept.exit === undefined ? pass('it runs') : fail(`it ended with ${describeExit(kept.exit)}`),
  },
  {
    id: 'signal.interrupt',
    rule: 'SIGINT does nothing: a terminal sends it to the host and its plugins alike, and the host decides.',
    section,
    expected: 'it runs on',
    needs: ['connection.answers'],
    check: async ({ probe: { kept }, laboratory }) => {
      if (laboratory.platform.style === 'windows') return skip('there are no signals here');
      process.kill(kept.pid, 'SIGINT');
      await waitAtMost(kept.exited, SIGNAL_MS);
      return kept.exit === undefined ? pass('it runs on') : fail(`it ended with ${describeExit(kept.exit)}`);
    },
  },
  {
    id: 'shutdown.ends',
    rule: 'The controller’s Shutdown ends the process; hosts kill one that is still there after two seconds.',
    section,
    expected: `the process ends, within ${PATIENCE_MS} ms`,
    needs: ['connection.answers'],
    check: shutdown,
  },
  {
    id: 'shutdown.code',
    rule: 'An end that was asked for is no failure.',
    section,
    expected: 'exit code 0',
    needs: ['shutdown.ends'],
    afterExit: true,
    check: ({ probe: { kept } }) =>
      kept.exit === undefined
        ? skip('it still runs')
        : verdict(kept.exit.code === 0, describeExit(kept.exit)),
  },
  {
    id: 'shutdown.socket',
    rule: 'The plugin removes its socket before it leaves.',
    section,
    expected: 'no file at the address; recommended',
    needs: ['shutdown.ends'],
    afterExit: true,
    check: ({ target, probe: { kept } }) => {
      if (kept.exit === undefined) return skip('it still runs');
      if (target.network !== 'unix') return skip('it listened on TCP');
      return existsSync(target.address) ? warn('the socket is still there') : pass('it is gone');
    },
  },
];

async function shutdown(session: Session): Promise<Finding> {
  const {
    channel,
    probe: { kept },
    limitMs,
  } = session;
  session.endBroker();
  const begin = performance.now();
  try {
    await createPromiseClient(GRPCControllerDefinition, channel).shutdown({}, { timeoutMs: limitMs });
  } catch (error) {
    // Any other error is an answer: go-plugin's own handler cuts the connection before it replies.
    if (error instanceof RpcError && error.code === status.UNIMPLEMENTED)
      return warn('it has no controller: hosts have to kill it');
    if (error instanceof RpcError && error.code === status.DEADLINE_EXCEEDED)
      return fail(`no answer within ${limitMs} ms`);
  }
  const exit = await waitAtMost(kept.exited, limitMs);
  const elapsedMs = Math.round(performance.now() - begin);
  if (exit === undefined) return fail(`it still runs after ${elapsedMs} ms`);
  const seen = `it ended after ${elapsedMs} ms`;
  return elapsedMs > PATIENCE_MS ? warn(seen) : pass(seen);
}

/** In a process of its own. */
export const terminationRules: readonly Rule<Session>[] = [
  {
    id: 'signal.terminate',
    rule: 'SIGTERM ends it.',
    section,
    expected: 'the process ends',
    needs: ['connection.answers'],
    check: async (session) => {
      const { probe, limitMs, laboratory } = session;
      if (laboratory.platform.style === 'windows') return skip('there are no signals here');
      const why = await session.connect();
      if (why !== undefined) return fail(why);
      await probe.kept.signal('terminate');
      const exit = await waitAtMost(probe.kept.exited, limitMs);
      return exit === undefined ? fail(`it still runs after ${limitMs} ms`) : pass(describeExit(exit));
    },
  },
];
