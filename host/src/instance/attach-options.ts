import { PluginError } from '@plugd/protocol/plugin-error';
import type { KeyedCertificate } from '../launch/instance-record';
import type { ReattachLine } from '../launch/reattach-line';
import type { HandshakeOptions, LoadOptions } from './load-options';
import { check, isRecord, isText } from './option-check';

/**
 * How to attach to a plugin by the line that it printed. What only a start needs is for later operations: `upgrade`
 * and `restart` start a process of the host's own.
 */
export interface AttachOptions
  extends Omit<LoadOptions, 'command' | 'handshake' | 'autoMtls' | 'multiplex' | 'sha256'> {
  /** The versions that this host speaks; default: whichever the line names. The cookie is for later operations. */
  readonly handshake?: Partial<HandshakeOptions>;
  /**
   * The host's half of AutoMTLS, both PEM: the plugin was started with this certificate in PLUGIN_CLIENT_CERT. The
   * line then has to tell the plugin's own (ServerCert), which only plugins made with plugd's SDK do. Excludes `tls`.
   */
  readonly certificate?: KeyedCertificate;
  /** For later operations; without it they need one of their own. */
  readonly command?: string;
}

/** What a later operation has to be given, since the plugin was not started by a command. */
export type MissingOption = 'command' | 'handshake';

/** The options that the plugin lives on with, and what they lack. Throws PluginError OPTIONS_INVALID. */
export function loadOptionsOf(
  options: AttachOptions,
  protocolVersion: number,
): { options: LoadOptions; missing: readonly MissingOption[] } {
  const { certificate: _certificate, command, handshake, ...rest } = options;
  const missing: MissingOption[] = [
    ...(command === undefined ? (['command'] as const) : []),
    ...(handshake?.cookie === undefined ? (['handshake'] as const) : []),
  ];
  return {
    options: {
      ...rest,
      // Never used: an operation without them is refused.
      command: command ?? 'none',
      handshake: {
        cookie: handshake?.cookie ?? ['NONE', 'none'],
        protocolVersions: handshake?.protocolVersions ?? [protocolVersion],
      },
    },
    missing,
  };
}

/** Throws PluginError OPTIONS_INVALID. What load's options have too is checked as theirs. */
export function checkedAttachOptions(options: AttachOptions | undefined): AttachOptions {
  check(isRecord(options), 'options', options, 'an object with name and version');
  const { certificate, handshake, tls } = options;
  check(handshake === undefined || isRecord(handshake), 'handshake', handshake, 'an object');
  const versions = handshake?.protocolVersions;
  check(
    versions === undefined || Array.isArray(versions),
    'handshake.protocolVersions',
    versions,
    'a list of whole numbers',
  );
  // Its value holds a private key, which no message shows.
  const pair =
    certificate === undefined ||
    (isRecord(certificate) && isText(certificate.certificatePem) && isText(certificate.keyPem));
  check(pair, 'certificate', typeof certificate, 'an object with certificatePem and keyPem');
  const one = certificate === undefined || tls === undefined;
  check(one, 'certificate', 'given', 'left out where tls is given: one excludes the other');
  return options;
}

/** Throws PluginError AUTO_MTLS_UNSUPPORTED, OPTIONS_INVALID, if only one side has a certificate. */
export function agreeOnCertificates({ certificatePem, pid }: ReattachLine, hostHasOne: boolean): void {
  if (hostHasOne && certificatePem === null) {
    throw new PluginError('AUTO_MTLS_UNSUPPORTED', 'The line does not tell the certificate of the plugin.', {
      facts: { pid },
      hint: 'Start the plugin with PLUGIN_CLIENT_CERT; a plugin that is not made with plugd: without it.',
    });
  }
  check(
    hostHasOne || certificatePem === null,
    'certificate',
    undefined,
    'the host’s half of AutoMTLS: the plugin was started with PLUGIN_CLIENT_CERT',
  );
}
