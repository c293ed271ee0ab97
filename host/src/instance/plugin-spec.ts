import { resolve } from 'node:path';
import { DEFAULT_MAX_PORT, DEFAULT_MIN_PORT } from '@plugd/protocol/environment';
import { valid as validVersion } from 'semver';
import type { ChannelSecurity } from '../connection/channel';
import { type ContractOption, type GivenContract, readContract } from '../contract/given-contract';
import { checkedDependsOn } from './dependency-options';
import { checkExpectations, type Expectations } from './expect-options';
import { type HealthSpec, resolveHealth } from './health-options';
import { type LimitSpec, resolveLimits } from './limit-options';
import type { HandshakeOptions, LoadOptions } from './load-options';
import { type MemorySpec, resolveMemory } from './memory-options';
import {
  check,
  checkedBoolean,
  checkedCount,
  checkedWaitMs,
  checkPort,
  isRecord,
  isText,
  isVariableName,
  refuse,
} from './option-check';
import { checkedConfig, checkedPorts } from './resource-options';
import { type RestartSpec, resolveRestart } from './restart-options';

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
  readonly multiplex: boolean;
  readonly sha256: string | undefined;
  readonly contract: GivenContract;
  readonly instances: number;
  readonly restart: RestartSpec;
  readonly expect: Expectations;
  readonly memory: MemorySpec;
  readonly attempts: number;
  readonly health: HealthSpec | undefined;
  readonly limits: LimitSpec | undefined;
  readonly dependsOn: readonly string[];
  readonly scratch: boolean;
  /** Absolute. */
  readonly config: string | undefined;
  /** 0: the host picks one. */
  readonly ports: Readonly<Record<string, number>>;
  readonly unixSocketGroup: string | number | undefined;
  readonly minPort: number | undefined;
  readonly maxPort: number | undefined;
  readonly startTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/**
 * Throws PluginError OPTIONS_INVALID, naming the option: also for what only callers without types can get wrong.
 */
export function resolveSpec(options: LoadOptions): PluginSpec {
  check(isRecord(options), 'options', options, 'an object');
  const { name, version, command, handshake, tls, sha256, cwd, stdin, unixSocketGroup } = options;
  check(
    isText(name) && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name),
    'name',
    name,
    'at most 64 letters, digits, . _ -, the first a letter or digit',
  );
  check(
    isText(version) && validVersion(version) !== null,
    'version',
    version,
    'a semantic version such as 1.2.3',
  );
  check(isText(command) && command !== '', 'command', command, 'a path or a name');
  check(cwd === undefined || (isText(cwd) && cwd !== ''), 'cwd', cwd, 'a path');
  check(
    stdin === undefined || stdin === 'ignore' || stdin === 'inherit',
    'stdin',
    stdin,
    "'ignore' or 'inherit'",
  );
  check(isRecord(handshake), 'handshake', handshake, 'an object with cookie and protocolVersions');
  checkTls(tls);
  const autoMtls = checkedBoolean('autoMtls', options.autoMtls, tls === undefined);
  check(!(autoMtls && tls), 'autoMtls', true, 'false where tls is given: one excludes the other');
  check(
    sha256 === undefined || (isText(sha256) && /^[0-9a-f]{64}$/i.test(sha256)),
    'sha256',
    sha256,
    '64 hexadecimal digits',
  );
  check(
    unixSocketGroup === undefined ||
      (isText(unixSocketGroup) && unixSocketGroup !== '') ||
      (Number.isInteger(unixSocketGroup) && Number(unixSocketGroup) >= 0),
    'unixSocketGroup',
    unixSocketGroup,
    'the name or the number of a group',
  );
  checkPorts(options.minPort, options.maxPort);
  const instances = checkedCount('instances', options.instances, 1, 1, 64);
  return {
    name,
    version,
    command,
    args: checkedArgs(options.args),
    env: checkedEnv(options.env),
    inheritEnv: checkedBoolean('inheritEnv', options.inheritEnv, true),
    // Absolute, so that a restart finds it wherever the host's working directory is then.
    cwd: resolve(cwd ?? '.'),
    stdin: stdin ?? 'ignore',
    cookie: checkedCookie(handshake.cookie),
    protocolVersions: checkedVersions(handshake.protocolVersions),
    autoMtls,
    tls,
    multiplex: checkedBoolean('multiplex', options.multiplex, false),
    sha256: sha256?.toLowerCase(),
    contract: checkedContract(options.contract),
    instances,
    restart: resolveRestart(options.restart),
    attempts: checkedCount('attempts', options.attempts, 3, 1, 10),
    health: resolveHealth(options.health),
    limits: resolveLimits(options.limits),
    expect: checkExpectations(options.expect),
    memory: resolveMemory(options.memory),
    dependsOn: checkedDependsOn(name, options.dependsOn),
    scratch: checkedBoolean('scratch', options.scratch, false),
    config: checkedConfig(options.config),
    ports: checkedPorts(options.ports, instances),
    unixSocketGroup,
    minPort: options.minPort,
    maxPort: options.maxPort,
    startTimeoutMs: checkedWaitMs('startTimeoutMs', options.startTimeoutMs, 60_000, 1),
    drainTimeoutMs: checkedWaitMs('drainTimeoutMs', options.drainTimeoutMs, 30_000, 0),
    stopTimeoutMs: checkedWaitMs('stopTimeoutMs', options.stopTimeoutMs, 2_000, 1),
  };
}

/** What a caller gave, as it is now: what he does to his own lists and objects later is not followed. */
export function ownOptions(options: LoadOptions, spec: PluginSpec, command: string): LoadOptions {
  const { args, env, cwd, cookie, protocolVersions, contract } = spec;
  const handshake = { cookie, protocolVersions };
  const own = (['restart', 'health', 'limits', 'dependsOn', 'ports'] as const).filter(
    (key) => options[key] !== undefined,
  );
  const copies = Object.fromEntries(own.map((key) => [key, structuredClone(options[key])]));
  const found = spec.config === undefined ? {} : { config: spec.config };
  return { ...options, command, args, env, cwd, handshake, contract: contract.sources, ...found, ...copies };
}

function checkedCookie(cookie: HandshakeOptions['cookie']): readonly [string, string] {
  const wanted = 'the name of a variable and its value';
  check(Array.isArray(cookie) && cookie.length === 2, 'handshake.cookie', cookie, wanted);
  const [name, value] = cookie;
  check(isVariableName(name) && isText(value) && value !== '', 'handshake.cookie', cookie, wanted);
  return [name, value];
}

function checkedVersions(versions: readonly number[]): readonly number[] {
  const good =
    Array.isArray(versions) &&
    versions.length > 0 &&
    versions.every((one) => Number.isSafeInteger(one) && one >= 0);
  check(good, 'handshake.protocolVersions', versions, 'a list of at least one whole number');
  return [...versions];
}

function checkedArgs(args: readonly string[] = []): readonly string[] {
  check(Array.isArray(args) && args.every(isText), 'args', args, 'a list of texts without NUL');
  return [...args];
}

function checkedEnv(env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  check(isRecord(env), 'env', env, 'an object of names and values');
  for (const [name, value] of Object.entries(env)) {
    // The value may be a secret: the message shows the name alone.
    check(isVariableName(name) && isText(value), 'env', name, 'names and values that are texts without NUL');
  }
  return { ...env };
}

function checkedContract(contract: ContractOption | undefined): GivenContract {
  try {
    return readContract(contract);
  } catch (error) {
    // Bytes say nothing to a reader, and there may be millions of them.
    const shown = contract instanceof Uint8Array ? `${contract.length} bytes` : contract;
    const wanted = 'a service definition, a FileDescriptorSet with a service, or a list of them';
    return refuse('contract', shown, `${wanted} (${error instanceof Error ? error.message : String(error)})`);
  }
}

function checkTls(tls: ChannelSecurity | undefined): void {
  const isPem = (value: unknown) => value === undefined || Buffer.isBuffer(value) || isText(value);
  const good =
    tls === undefined ||
    (isRecord(tls) &&
      [tls.ca, tls.certificate, tls.key].every(isPem) &&
      (tls.certificate === undefined) === (tls.key === undefined) &&
      (tls.serverName === undefined || isText(tls.serverName)));
  // Its value holds a private key, which no message shows.
  check(
    good,
    'tls',
    typeof tls,
    'an object with ca, certificate and key as PEM; a certificate needs its key',
  );
}

function checkPorts(min: number | undefined, max: number | undefined): void {
  checkPort('minPort', min);
  checkPort('maxPort', max);
  const [first, last] = [min ?? DEFAULT_MIN_PORT, max ?? DEFAULT_MAX_PORT];
  check(
    first <= last,
    min === undefined ? 'maxPort' : 'minPort',
    min ?? max,
    `in order: ${first} to ${last} has no ports`,
  );
}
