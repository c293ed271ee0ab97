import { PluginError } from '@plugd/protocol/plugin-error';
import { type AnyServiceDefinition, rpcMethods } from '@plugd/protocol/rpc/definition';
import { valid as validVersion } from 'semver';
import type { ChannelSecurity } from '../connection/channel';
import type { LoadOptions } from './load-options';

/** Load options with every default filled in and every value checked. */
export interface PluginSpec {
  readonly name: string;
  readonly version: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly inheritEnv: boolean;
  readonly cwd: string;
  readonly stdin: 'ignore' | 'inherit';
  readonly cookie: readonly [string, string];
  readonly protocolVersions: readonly number[];
  readonly autoMtls: boolean;
  readonly tls: ChannelSecurity | undefined;
  readonly sha256: string | undefined;
  readonly contract: readonly AnyServiceDefinition[];
  readonly unixSocketGroup: string | number | undefined;
  readonly minPort: number | undefined;
  readonly maxPort: number | undefined;
  readonly startTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/** The longest wait that a Node timer can measure: 24.8 days. */
const longestWaitMs = 0x7fffffff;

/** Throws PluginError OPTIONS_INVALID, naming the option. */
export function resolveSpec(options: LoadOptions): PluginSpec {
  const { handshake, tls } = options;
  check(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(options.name),
    'name',
    options.name,
    'letters, digits, . _ -',
  );
  check(
    validVersion(options.version) !== null,
    'version',
    options.version,
    'a semantic version such as 1.2.3',
  );
  check(typeof options.command === 'string' && options.command !== '', 'command', options.command, 'a path');
  check(
    Array.isArray(handshake?.cookie) && handshake.cookie.length === 2,
    'handshake.cookie',
    handshake?.cookie,
    'a name and a value',
  );
  const [cookieName, cookieValue] = handshake.cookie;
  check(
    /^[^=\0]+$/.test(cookieName) && cookieValue !== '',
    'handshake.cookie',
    handshake.cookie,
    'a name and a value',
  );
  check(
    handshake.protocolVersions.length > 0 &&
      handshake.protocolVersions.every((one) => Number.isSafeInteger(one) && one >= 0),
    'handshake.protocolVersions',
    handshake.protocolVersions,
    'at least one whole number',
  );
  check(!(options.autoMtls && tls), 'autoMtls', true, 'false where tls is given: one excludes the other');
  check(
    options.sha256 === undefined || /^[0-9a-f]{64}$/i.test(options.sha256),
    'sha256',
    options.sha256,
    '64 hexadecimal digits',
  );
  for (const [name, value] of Object.entries(options.env ?? {})) {
    check(
      /^[^=\0]+$/.test(name) && typeof value === 'string' && !value.includes('\0'),
      'env',
      name,
      'names and values without NUL',
    );
  }
  checkPorts(options.minPort, options.maxPort);
  check(
    options.stdin === undefined || options.stdin === 'ignore' || options.stdin === 'inherit',
    'stdin',
    options.stdin,
    "'ignore' or 'inherit'",
  );
  const contract = options.contract ?? [];
  for (const service of contract) rpcMethods(service);
  return {
    name: options.name,
    version: options.version,
    command: options.command,
    args: [...(options.args ?? [])],
    env: { ...options.env },
    inheritEnv: options.inheritEnv ?? true,
    cwd: options.cwd ?? process.cwd(),
    stdin: options.stdin ?? 'ignore',
    cookie: [cookieName, cookieValue],
    protocolVersions: [...handshake.protocolVersions],
    autoMtls: options.autoMtls ?? tls === undefined,
    tls,
    sha256: options.sha256?.toLowerCase(),
    contract: [...contract],
    unixSocketGroup: options.unixSocketGroup,
    minPort: options.minPort,
    maxPort: options.maxPort,
    startTimeoutMs: waitMs('startTimeoutMs', options.startTimeoutMs, 60_000, 1),
    drainTimeoutMs: waitMs('drainTimeoutMs', options.drainTimeoutMs, 30_000, 0),
    stopTimeoutMs: waitMs('stopTimeoutMs', options.stopTimeoutMs, 2_000, 1),
  };
}

function waitMs(name: string, value: number | undefined, standard: number, minimum: number): number {
  if (value === undefined) return standard;
  const good = Number.isFinite(value) && value >= minimum && value <= longestWaitMs;
  check(good, name, value, `a number of milliseconds from ${minimum} to ${longestWaitMs}`);
  return value;
}

function checkPorts(min: number | undefined, max: number | undefined): void {
  for (const [name, port] of [
    ['minPort', min],
    ['maxPort', max],
  ] as const) {
    check(
      port === undefined || (Number.isInteger(port) && port > 0 && port < 65536),
      name,
      port,
      'a port from 1 to 65535',
    );
  }
  check((min === undefined) === (max === undefined), 'minPort', min, 'given together with maxPort');
  check(min === undefined || max === undefined || min <= max, 'minPort', min, `at most maxPort (${max})`);
}

function check(good: boolean, option: string, value: unknown, wanted: string): void {
  if (good) return;
  throw new PluginError(
    'OPTIONS_INVALID',
    `Option ${option} is ${describe(value)}; it has to be ${wanted}.`,
    {
      facts: { option },
    },
  );
}

function describe(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}
