import { resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { definitionDocument } from '../admin/definition-document';
import { type ContractOption, type ContractSource, readContract } from '../contract/given-contract';
import { isRecord, isText, refuse } from '../instance/option-check';
import { selectPlatform } from '../platform/select-platform';
import type { RollbackOptions, UpgradeOptions } from '../upgrade/upgrade-options';

/** Options as a message takes them: plain data. */
export type SentOptions = Readonly<Record<string, unknown>>;

/** Of a load, an upgrade or a rollback. */
export type AnyOptions = UpgradeOptions & Pick<RollbackOptions, 'state'>;

/** The same with absolute paths: a daemon's working directory and PATH are not this process's. */
export function withPaths<Options extends AnyOptions>(options: Options): Options {
  const { command, cwd, config } = options;
  return {
    ...options,
    ...(isText(command) ? { command: absoluteCommand(command) } : {}),
    ...(isText(cwd) ? { cwd: resolve(cwd) } : {}),
    ...(isText(config) ? { config: resolve(config) } : {}),
  };
}

/**
 * Options of a load or an operation as a message takes them. Their paths have to be absolute.
 *
 * @throws PluginError OPTIONS_INVALID for what can't be said to another process: code, such as `verify` and strategies of one's own,
 *   and `tls` with its key
 */
export function sentOptions(options: AnyOptions): SentOptions {
  const { contract, tls, ...given } = options;
  if (tls !== undefined) refuse('tls', 'an object', `left out: ${elsewhere}`);
  const sent = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, plain(name, value)]],
  );
  return {
    ...Object.fromEntries(sent),
    ...(contract === undefined ? {} : { contract: sentContract(contract) }),
  };
}

const elsewhere = 'a daemon is another process, and it can not be told';

/** What the daemon would look for in a PATH of its own. What isn't found is the daemon's to refuse. */
function absoluteCommand(command: string): string {
  if (command === '') return command;
  try {
    return selectPlatform().resolveCommand(command, process.cwd(), process.env);
  } catch (error) {
    if (error instanceof PluginError) return command.includes('/') ? resolve(command) : command;
    throw error;
  }
}

function plain(option: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one, index) => plain(`${option}.${index}`, one));
  if (isRecord(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      refuse(option, 'an object', `plain data: ${elsewhere}`);
    const entries = Object.entries(value).flatMap(([key, one]) =>
      one === undefined ? [] : [[key, plain(`${option}.${key}`, one)]],
    );
    return Object.fromEntries(entries);
  }
  const good = value === null || ['string', 'number', 'boolean'].includes(typeof value);
  return good ? value : refuse(option, typeof value, `plain data: ${elsewhere}`);
}

/** Descriptors in base64, definitions by what they say. */
function sentContract(option: ContractOption): unknown[] {
  return sourcesOf(option).flatMap((source): unknown[] => {
    if (source instanceof Uint8Array) return [Buffer.from(source).toString('base64')];
    if (!Array.isArray(Reflect.get(source, 'file')))
      return readContract(source).contract.services.map(definitionDocument);
    const wanted = `the bytes of a FileDescriptorSet, or a definition: ${elsewhere}`;
    return refuse('contract', 'a decoded set', wanted);
  });
}

function sourcesOf(option: ContractOption): readonly ContractSource[] {
  try {
    return readContract(option).sources;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const wanted = `a service definition, a FileDescriptorSet with a service, or a list of them (${why})`;
    return refuse('contract', typeof option, wanted);
  }
}
