import { createCertificateInPool } from '@plugd/protocol/certificate';
import { greet, greetWithTls, type TlsGreeting, type TlsOffer } from './http2-greeting';
import { type Rule, verdict, withTls } from './rule';
import type { Session } from './session';

const section = 'AutoMTLS';
/** For a server to turn somebody away; one that says nothing at all lets nobody in either. */
const REFUSAL_MS = 2_000;

const rules: readonly Omit<Rule<Session>, 'section'>[] = [
  {
    id: 'tls.host',
    rule: 'The plugin shows the certificate of its line and lets the host in that sent its own.',
    expected: 'TLS 1.2 or later with both certificates, then HTTP/2',
    needs: ['handshake.certificate', 'address.place'],
    check: async (session) => {
      const { answered, seen } = await greetAsHost(session);
      return verdict(answered, seen);
    },
  },
  {
    id: 'tls.alpn',
    rule: 'The two agree on HTTP/2 by ALPN: clients made with Go hang up without it.',
    expected: 'h2',
    needs: ['tls.host'],
    check: async (session) => {
      const { alpn } = await greetAsHost(session);
      return verdict(alpn === 'h2', alpn ?? 'no protocol was agreed on');
    },
  },
  {
    id: 'tls.stranger',
    rule: 'Whoever shows another certificate than the host’s is refused.',
    expected: 'no HTTP/2',
    needs: ['tls.host'],
    check: async (session) => {
      const { certificatePem, keyPem } = await createCertificateInPool({ curve: 'P-256' });
      return refused(await greetAs(session, { cert: certificatePem, key: keyPem }, REFUSAL_MS));
    },
  },
  {
    id: 'tls.anonymous',
    rule: 'Whoever shows no certificate is refused.',
    expected: 'no HTTP/2',
    needs: ['tls.host'],
    check: async (session) => refused(await greetAs(session, {}, REFUSAL_MS)),
  },
  {
    id: 'tls.plaintext',
    rule: 'Whoever speaks no TLS is refused.',
    expected: 'no HTTP/2',
    needs: ['tls.host'],
    check: async (session) =>
      refused(await greet(await session.dial(), Math.min(session.limitMs, REFUSAL_MS))),
  },
];

/** Who may talk to a plugin that was given the host's certificate. */
export const tlsRules: readonly Rule<Session>[] = rules.map((rule) => ({ ...rule, section, in: withTls }));

function greetAsHost(session: Session): Promise<TlsGreeting> {
  const { certificate, pluginPem, limitMs } = session;
  const own = certificate === null ? {} : { cert: certificate.certificatePem, key: certificate.keyPem };
  return greetAs(session, { ca: pluginPem, ...own }, limitMs);
}

async function greetAs(session: Session, offer: TlsOffer, limitMs: number): Promise<TlsGreeting> {
  return greetWithTls(await session.dial(), offer, Math.min(limitMs, session.limitMs));
}

const refused = ({ answered, seen }: { answered: boolean; seen: string }) => verdict(!answered, seen);
