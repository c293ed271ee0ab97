import { setTimeout } from 'node:timers/promises';
import type { ErrorCode } from '@plugd/protocol/error-codes';
import { PluginError } from '@plugd/protocol/plugin-error';
import { createHost } from '../create-host';
import type { Logger } from '../events/logger';
import type { Host } from '../host';
import type { LoadOptions } from '../instance/load-options';
import type { Plugin } from '../plugin';
import type { CheckName } from './checks';
import type { Findings } from './finding';

export interface StartTrial {
  readonly options: LoadOptions;
  /** Full names of services that have to be there. */
  readonly services?: readonly string[];
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
  /** Nobody has said which version it is: it is the one that it says. */
  readonly anyVersion?: boolean;
  /** What messages say instead of what they hold: where a copy stands for an original. */
  readonly shown?: (text: string) => string;
}

/** What a code says of: the word that whoever looks for the cause would look for. */
const checkOf: Partial<Record<ErrorCode, CheckName>> = {
  COMMAND_NOT_FOUND: 'entry file',
  COMMAND_IS_DIRECTORY: 'entry file',
  COMMAND_NOT_EXECUTABLE: 'permission',
  WRONG_ARCHITECTURE: 'architecture',
  COMMAND_UNRUNNABLE: 'format',
  CHECKSUM_MISMATCH: 'files',
  RUN_DIR_UNSAFE: 'run directory',
  RUN_DIR_FULL: 'run directory',
  SOCKET_PATH_TOO_LONG: 'socket path',
  CONFIG_UNREADABLE: 'config directory',
  PORT_IN_USE: 'ports',
  EXITED_BEFORE_HANDSHAKE: 'exit',
  PLUGIN_EXITED: 'exit',
  COOKIE_REJECTED: 'cookie',
  HANDSHAKE_UNREADABLE: 'first line',
  HANDSHAKE_INCOMPLETE: 'first line',
  HANDSHAKE_TOO_LONG: 'first line',
  START_TIMEOUT: 'first line',
  CORE_VERSION_UNREADABLE: 'first line',
  CORE_VERSION_MISMATCH: 'protocol version',
  PROTOCOL_VERSION_UNREADABLE: 'protocol version',
  PROTOCOL_VERSION_MISMATCH: 'protocol version',
  NETWORK_UNSUPPORTED: 'address',
  ADDRESS_INVALID: 'address',
  ADDRESS_NOT_LOOPBACK: 'address',
  PROTOCOL_UNSUPPORTED: 'protocol',
  CERTIFICATE_UNREADABLE: 'certificate',
  CERTIFICATE_UNEXPECTED: 'certificate',
  AUTO_MTLS_UNSUPPORTED: 'certificate',
  TLS_FAILED: 'certificate',
  MULTIPLEX_UNSUPPORTED: 'multiplexing',
  MULTIPLEX_UNREADABLE: 'multiplexing',
  CONNECT_FAILED: 'connection',
  HEALTH_TIMEOUT: 'health',
  HEALTH_NOT_SERVING: 'health',
  VERSION_MISMATCH: 'version',
  CONTRACT_NOT_SERVED: 'services',
};

/** Where the handshake line is what is wrong, and where it is not there. */
const ofLine = new Set<CheckName>(['address', 'certificate', 'multiplexing', 'protocol', 'protocol version']);
const insteadOfLine = new Set<CheckName>(['cookie', 'exit', 'first line']);

/** Where neither the plugin's author nor who examines it says how long it may take. */
export const standardTimeoutMs = 15_000;
/** How long a plugin may take to tell its services, behind its start. */
const reflectionMs = 3_000;
const mostLines = 10;

/** Starts a plugin as a host does, and ends it again. True: it started. Nothing of it is left. */
export async function tryStart(findings: Findings, trial: StartTrial): Promise<boolean> {
  const { signal, shown = (text) => text } = trial;
  signal?.throwIfAborted();
  let host: Host;
  try {
    host = await createHost({ logger: silentLogger });
  } catch (error) {
    tell(findings, error, shown);
    return false;
  }
  const giveUp = () => void host.close();
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    const started = performance.now();
    const plugin = await load(host, trial);
    const version = plugin.status().protocolVersion;
    const tookMs = Math.round(performance.now() - started);
    findings.ok('start', `It started within ${tookMs} ms, with protocol version ${version}, and is healthy.`);
    await checkServices(findings, plugin, trial.services ?? []);
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    tell(findings, error, shown);
    return false;
  } finally {
    signal?.removeEventListener('abort', giveUp);
    await host.close();
  }
}

async function load(host: Host, { options, anyVersion }: StartTrial): Promise<Plugin> {
  const own: LoadOptions = {
    startTimeoutMs: standardTimeoutMs,
    ...options,
    // One life is enough to see, and what it needs of others is looked at elsewhere.
    instances: 1,
    restart: { policy: 'never' },
    dependsOn: [],
    limits: {},
  };
  try {
    return await host.load(own);
  } catch (error) {
    const said = error instanceof PluginError && error.code === 'VERSION_MISMATCH' && error.facts['said'];
    if (anyVersion !== true || typeof said !== 'string') throw error;
    return host.load({ ...own, version: said });
  }
}

async function checkServices(findings: Findings, plugin: Plugin, wanted: readonly string[]): Promise<void> {
  const known = await servicesOf(plugin);
  if (known === undefined) {
    if (wanted.length > 0)
      findings.warn(
        'services',
        'It tells of no services: it has no reflection, and no contract was given.',
        'Give the manifest a contract (a FileDescriptorSet), or the plugin reflection: plugd call and clients with reflection need one of them.',
      );
    return;
  }
  const missing = wanted.filter((service) => !known.includes(service));
  if (missing.length > 0)
    findings.fail(
      'services',
      `It doesn't serve ${missing.join(', ')}, which its manifest makes public.`,
      `Correct services in its manifest. It serves ${known.join(', ') || 'none'}.`,
    );
  else findings.ok('services', `It serves ${known.join(', ') || 'none that it tells of'}.`);
}

/** Undefined: nobody says which. */
async function servicesOf(plugin: Plugin): Promise<string[] | undefined> {
  const end = performance.now() + reflectionMs;
  while (performance.now() < end) {
    const services = plugin.contract?.services.map(({ name }) => name) ?? [];
    if (services.length > 0) return services;
    await setTimeout(50);
  }
  return undefined;
}

function tell(findings: Findings, error: unknown, shown: (text: string) => string): void {
  if (!(error instanceof PluginError)) throw error;
  const { code, summary, hint, cause } = error;
  const renamed = new PluginError(code, shown(summary), { hint, cause });
  findings.error(checkOf[code] ?? 'start', renamed, { details: evidence(error).map(shown) });
}

/** What the process left: what stood on stdout, how it ended, its last words. */
export function evidence({ code, facts }: PluginError): string[] {
  const { stdout, exitCode, signal, stderr } = facts;
  const lines: string[] = [];
  const check = checkOf[code] ?? 'start';
  if (typeof stdout === 'string' && stdout !== '' && (ofLine.has(check) || insteadOfLine.has(check)))
    lines.push(`${ofLine.has(check) ? 'its line' : 'stood on stdout'}: ${stdout}`);
  if (typeof signal === 'string') lines.push(`ended by: ${signal}`);
  else if (typeof exitCode === 'number') lines.push(`exit code: ${exitCode}`);
  const last = Array.isArray(stderr) ? stderr.slice(-mostLines) : [];
  return [...lines, ...last.map((line) => `stderr: ${String(line)}`)];
}

const nothing = () => {};
export const silentLogger: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
