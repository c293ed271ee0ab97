import { isAbsolute } from 'node:path';
import type { ContractOption } from '../contract/given-contract';
import type { LoadOptions } from '../instance/load-options';
import { check, isText, refuse } from '../instance/option-check';
import type { RollbackOptions, UpgradeOptions } from '../upgrade/upgrade-options';
import { definitionFrom } from './definition-document';
import { isStruct } from './struct';

/** What is made of code or holds keys, and can't be written down. */
const unsayable = ['verify', 'tls'] as const;
/** What would be looked up in the daemon's working directory, which is not the caller's. */
const paths = ['cwd', 'config'] as const;

type Sent = Readonly<Record<string, unknown>> | undefined;

/**
 * Options as they come in a message; a contract is a FileDescriptorSet in base64, what a
 * definition says, or a list of these. Only what is of
 * the wire is checked here: all else is by the library, as for any application.
 *
 * Throws PluginError OPTIONS_INVALID.
 */
export function loadOptionsFrom(sent: Sent): LoadOptions {
  return optionsFrom(sent) as unknown as LoadOptions;
}

/** As {@link loadOptionsFrom}. */
export function upgradeOptionsFrom(sent: Sent): UpgradeOptions {
  return optionsFrom(sent);
}

/** As {@link loadOptionsFrom}. */
export function rollbackOptionsFrom(sent: Sent): RollbackOptions {
  return optionsFrom(sent);
}

function optionsFrom(sent: Sent): Record<string, unknown> {
  const options = { ...(sent ?? {}) };
  for (const name of unsayable)
    check(options[name] === undefined, name, options[name], 'left out: it can’t be sent to a daemon');
  const { command, contract, strategy } = options;
  const file = isText(command) && command.includes('/');
  check(!file || isAbsolute(command), 'command', command, 'an absolute path, or a bare name');
  for (const name of paths) {
    const value = options[name];
    check(!isText(value) || isAbsolute(value), name, value, 'an absolute path');
  }
  check(!isStruct(strategy), 'strategy', strategy, 'the name of a strategy');
  if (contract !== undefined) options['contract'] = contractFrom(contract);
  return options;
}

function contractFrom(sent: unknown): ContractOption {
  const all: readonly unknown[] = Array.isArray(sent) ? sent : [sent];
  return all.map((one) => {
    if (isText(one)) return Buffer.from(one, 'base64');
    const definition = definitionFrom(one);
    return (
      definition ?? refuse('contract', one, 'a FileDescriptorSet in base64, a definition, or a list of them')
    );
  });
}
