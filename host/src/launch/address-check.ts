import { isAbsolute } from 'node:path';
import type { HandshakeLine } from '@plugd/protocol/handshake-line';
import type { Platform } from '../platform/platform';
import type { LaunchSpec } from './launch-spec';
import type { Witness } from './witness';

/** What sockets take at most, their end included, on any system. */
const SUN_PATH_BYTES = 104;

/**
 * Checks of a handshake line that the line alone does not tell: whether this host can connect there, whether it is
 * another plugin that answers there, and whether the plugin did about TLS what it was asked to.
 *
 * Throws PluginError NETWORK_UNSUPPORTED, ADDRESS_INVALID, AUTO_MTLS_UNSUPPORTED, CERTIFICATE_UNEXPECTED.
 */
export function checkOffer(
  line: HandshakeLine,
  spec: LaunchSpec,
  platform: Platform,
  witness: Witness,
  isTaken: (offered: HandshakeLine) => boolean,
): void {
  const { network, address } = line;
  const facts = { network, address };
  if (network === 'unix' && !platform.unixSockets)
    throw witness.error(
      'NETWORK_UNSUPPORTED',
      `${spec.plugin} listens on a unix socket, which this host can't connect to on this system.`,
      { facts, hint: 'The plugin must listen on TCP here.' },
    );
  if (network === 'unix' && (!isAbsolute(address) || Buffer.byteLength(address) >= SUN_PATH_BYTES))
    throw witness.error(
      'ADDRESS_INVALID',
      `${spec.plugin} listens on ${JSON.stringify(address)}, which is no absolute path of less than ${SUN_PATH_BYTES} bytes.`,
      { facts },
    );
  // It would be proved by its neighbour's health, get its neighbour's calls, and have it told to leave.
  if (isTaken(line))
    throw witness.error(
      'ADDRESS_INVALID',
      `${spec.plugin} announces ${JSON.stringify(address)}, where another plugin of this host listens.`,
      { facts, hint: 'The plugin must announce the address that it listens on itself.' },
    );
  if (spec.certificate !== null && line.certificate === '')
    throw witness.error(
      'AUTO_MTLS_UNSUPPORTED',
      `${spec.plugin} was asked to secure its connection (AutoMTLS) and sent no certificate.`,
    );
  if (spec.certificate === null && line.certificate !== '')
    throw witness.error(
      'CERTIFICATE_UNEXPECTED',
      `${spec.plugin} sent a certificate, but AutoMTLS was not asked for.`,
    );
}
