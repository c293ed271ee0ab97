import { greet } from './http2-greeting';
import { multiplexed, type Rule, verdict, withTls } from './rule';
import type { Session } from './session';

/** Many streams over one connection. */
export const multiplexRules: readonly Rule<Session>[] = [
  {
    id: 'multiplex.main',
    rule: 'Each yamux stream that no knock announced leads to the main server, all over one connection.',
    section: 'multiplexing',
    expected: 'HTTP/2 on a second stream of the same connection',
    needs: ['connection.answers'],
    // With TLS the rules for it have used several streams already.
    in: (mode) => multiplexed(mode) && !withTls(mode),
    check: async (session) => {
      const { answered, seen } = await greet(await session.dial(), session.limitMs);
      return verdict(answered, seen);
    },
  },
];
