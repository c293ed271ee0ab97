import { parseTcpAddress } from '@plugd/protocol/grpc-address';
import { printable } from '@plugd/protocol/printable';
import { type Finding, fail, multiplexed, pass, type Rule, verdict, warn, withTls } from './rule';
import type { Session } from './session';

const section = 'handshake line';
const needs = ['handshake.first'];
const integer = /^[+-]?\d+$/;
const field = (session: Session, index: number): string => printable(session.fields[index] ?? '', 120);

/** The one line by which a plugin says how it can be reached, field by field. */
export const handshakeRules: readonly Rule<Session>[] = [
  {
    id: 'handshake.first',
    rule: 'The handshake line is the first thing on stdout: nothing stands before it, and it ends with a line feed.',
    section,
    expected: 'a first line of the form 1|VERSION|NETWORK|ADDRESS|grpc|CERTIFICATE',
    afterExit: true,
    check: ({ first, fields }) => {
      if (first.kind === 'none') return fail(first.seen);
      return verdict(fields.length >= 4 && integer.test(fields[0] ?? ''), `"${printable(first.text, 160)}"`);
    },
  },
  {
    id: 'handshake.core',
    rule: 'The first field is the version of the handshake itself.',
    section,
    expected: '1',
    needs,
    check: (session) => verdict(Number(session.fields[0]) === 1, `"${field(session, 0)}"`),
  },
  {
    id: 'handshake.version',
    rule: 'The second field is the protocol version that the plugin chose.',
    section,
    expected: 'a decimal integer',
    needs,
    check: (session) => verdict(integer.test(session.fields[1] ?? ''), `"${field(session, 1)}"`),
  },
  {
    id: 'handshake.network',
    rule: 'The third field is the kind of the address.',
    section,
    expected: 'unix or tcp',
    needs,
    check: (session) => verdict(/^(unix|tcp)$/.test(session.fields[2] ?? ''), `"${field(session, 2)}"`),
  },
  {
    id: 'handshake.protocol',
    rule: 'The fifth field names the protocol; where it is missing hosts take it for netrpc.',
    section,
    expected: 'grpc',
    needs,
    check: (session) => verdict(session.fields[4] === 'grpc', `"${field(session, 4)}"`),
  },
  {
    id: 'handshake.certificate',
    rule: 'The sixth field is the plugin’s certificate if the host sent its own, and else empty.',
    section,
    expected: 'with AutoMTLS unpadded base64 of the DER of one X.509 certificate, without it nothing',
    needs,
    check: certificateField,
  },
  {
    id: 'handshake.seventh',
    rule: 'The seventh field stands there only if the host asked for multiplexing: old hosts read it into the sixth.',
    section,
    expected: 'if asked true, and else no seventh field',
    needs,
    check: (session) => {
      const [, , , , , , seventh, ...more] = session.fields;
      if (more.length > 0) return fail(`${session.fields.length} fields`);
      const asked = multiplexed(session.mode);
      if (!asked)
        return verdict(seventh === undefined, seventh === undefined ? 'none' : `"${field(session, 6)}"`);
      return verdict(/^(1|t|T|TRUE|true|True)$/.test(seventh ?? ''), `"${field(session, 6)}"`);
    },
  },
];

function certificateField(session: Session): Finding {
  const text = session.fields[5] ?? '';
  const asked = withTls(session.mode);
  // Hosts ignore what is too short for a certificate, but there is nothing that it could mean.
  if (!asked) {
    if (text === '') return pass('nothing');
    return Buffer.byteLength(text) > 50
      ? fail(`${text.length} bytes`)
      : warn(`"${printable(text)}", which no host reads`);
  }
  try {
    const pem = session.pluginPem;
    return pass(`${text.length} characters of base64, ${pem.length} of PEM`);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

/** What the third and fourth field say together. */
export function describeAddress(session: Session): Finding {
  const { network, address } = session.target;
  if (network === 'unix') {
    const usable = address.startsWith('/') && !address.includes('\0');
    return verdict(usable, `unix ${printable(address)}`);
  }
  try {
    const { host } = parseTcpAddress(address);
    return verdict(host === '::1' || /^127\./.test(host), `tcp ${printable(address)}`);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}
