import type { CertificateCurve } from '@plugd/protocol/certificate';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import type { TlsOptions } from './net/serving-credentials';
import { check } from './option-check';

/** How a plugin process serves. */
export interface ServeOptions {
  /**
   * `tcp` listens on 127.0.0.1, on a port of the range that the host gives. Default: `unix`, but `tcp` on
   * Windows, where `unix` is refused.
   */
  readonly network?: 'unix' | 'tcp';
  /**
   * The plugin's own TLS. Wins over the host's wish for AutoMTLS, and the host must then be given the same
   * trust by hand. Default: AutoMTLS if the host asks for it, else none.
   */
  readonly tls?: TlsOptions;
  /** Curve of the certificate for AutoMTLS. Default: `P-256`, which saves tens of milliseconds at the start; Go plugins use `P-521`. */
  readonly certificateCurve?: CertificateCurve;
  /** How long calls in flight may go on once the plugin has been asked to leave, in milliseconds. Default: 1000. */
  readonly shutdownGraceMs?: number;
  /** How long all shutdown hooks together may take after that, in milliseconds. Default: 5000. */
  readonly shutdownTimeoutMs?: number;
  /**
   * Leave when the process that started the plugin has gone. Default: true. The environment variable
   * PLUGD_EXIT_WITH_PARENT=0 switches it off, for hosts that come back to their plugins.
   */
  readonly exitWithParent?: boolean;
  /**
   * For a plugin that is started by hand, under a debugger say, and that hosts attach to: no cookie is asked for, and
   * standard output gets one line of JSON, go-plugin's reattach configuration, in place of the handshake. SIGINT ends
   * the plugin, the end of its parent does not; it is never multiplexed. Default: whether the environment variable
   * PLUGD_DEBUG is `1`.
   */
  readonly debug?: boolean;
}

/** The variable of {@link ServeOptions.debug}. */
export const PLUGD_DEBUG = 'PLUGD_DEBUG';

/** {@link ServeOptions} with all defaults filled in. */
export type ResolvedServeOptions = Required<Omit<ServeOptions, 'tls'>> & {
  readonly tls: TlsOptions | undefined;
};

export const DEFAULT_SHUTDOWN_GRACE_MS = 1000;
export const DEFAULT_SHUTDOWN_TIMEOUT_MS = 5000;
/** @throws PluginError OPTIONS_INVALID */
export function resolveServeOptions(
  options: ServeOptions,
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv = {},
): ResolvedServeOptions {
  const windows = platform === 'win32';
  const resolved: ResolvedServeOptions = {
    network: options.network ?? (windows ? 'tcp' : 'unix'),
    tls: options.tls,
    certificateCurve: options.certificateCurve ?? 'P-256',
    shutdownGraceMs: options.shutdownGraceMs ?? DEFAULT_SHUTDOWN_GRACE_MS,
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? DEFAULT_SHUTDOWN_TIMEOUT_MS,
    exitWithParent: options.exitWithParent ?? true,
    debug: options.debug ?? env[PLUGD_DEBUG] === '1',
  };
  // Node takes a path for a named pipe there, which no other host could open.
  const networks = windows ? ['tcp'] : ['unix', 'tcp'];
  check(networks.includes(resolved.network), 'network', networks.join(' or '));
  check(['P-256', 'P-521'].includes(resolved.certificateCurve), 'certificateCurve', 'P-256 or P-521');
  for (const name of ['exitWithParent', 'debug'] as const) {
    check(typeof resolved[name] === 'boolean', name, 'true or false');
  }
  for (const name of ['shutdownGraceMs', 'shutdownTimeoutMs'] as const) {
    const value = resolved[name];
    check(
      Number.isFinite(value) && value >= 0 && value <= LONGEST_TIMER_MS,
      name,
      `a number from 0 to ${LONGEST_TIMER_MS}`,
    );
  }
  checkTls(resolved.tls);
  return resolved;
}

function checkTls(tls: TlsOptions | undefined): void {
  if (tls === undefined) return;
  const texts = [tls.certificatePem, tls.keyPem, tls.clientCaPem ?? ''];
  check(
    texts.every((text) => typeof text === 'string') && texts[0] !== '' && texts[1] !== '',
    'tls',
    'a certificate and its key as PEM texts',
  );
}
