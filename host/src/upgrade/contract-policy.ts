import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import { compareContracts } from '../contract/compare';
import { Contract } from '../contract/contract';
import { type ContractChange, formatChange } from '../contract/contract-change';
import type { GivenContract } from '../contract/given-contract';

/**
 * What becomes of an operation whose new version can't be checked, for want of descriptors. `report`: the report says
 * `unchecked`. `require`: it is refused.
 */
export type ContractPolicy = 'report' | 'require';

export interface ContractQuestion {
  readonly plugin: string;
  /** The new one. */
  readonly version: string;
  /**
   * The old version's own word, and not what the application gave over it: that would hide what the plugin changed. Undefined
   * where it has no reflection, or there is no old one.
   */
  readonly old: Contract | undefined;
  /** As `old`, of the new version. */
  readonly next: Contract | undefined;
  /** What the application holds. */
  readonly given: Pick<GivenContract, 'contract' | 'required'>;
  readonly policy: ContractPolicy;
  /** Puts up with what would be refused. */
  readonly force: boolean;
}

export interface ContractJudgement {
  /**
   * What is other than in the old version, and what breaks the application's own contract. `unchecked`: no service could
   * be compared, and nothing was found.
   */
  readonly changes: readonly ContractChange[] | 'unchecked';
  /** Services of the old version or the application of which only names, or nothing, could be compared. */
  readonly unchecked: readonly string[];
  /** Something was put up with. */
  readonly forced: boolean;
}

/** How many changes an error names in its sentence, and how many in its facts: a stranger decides how many there are. */
const [namedChanges, keptChanges] = [5, 100];

/**
 * Whether callers of the old version, and the application by the contract that it gave, can go on with the new one. Where
 * the application has named the services that it calls, what the old version serves beside them is nobody's.
 *
 * @throws PluginError CONTRACT_BROKEN, CONTRACT_UNCHECKED
 */
export function judgeContract(question: ContractQuestion): ContractJudgement {
  const { policy, force } = question;
  const old = part(question.old ?? Contract.empty, isApplications);
  const next = part(question.next ?? Contract.empty, isApplications);
  const required = new Set(question.given.required);
  const given = part(question.given.contract, (name) => isApplications(name) && required.has(name));

  const isPublic = (name: string): boolean => required.size === 0 || required.has(name);
  const changes = changesTo(question.next && next, question.old && old, given, isPublic);
  const asked = new Set([...old.services, ...given.services].map(({ name }) => name));
  const unchecked = [...asked].filter((name) => !isCompared(name, next, [old, given]));
  const nothing = unchecked.length === asked.size;

  const broken = changes.filter(({ breaking }) => breaking);
  if (broken.length > 0 && !force) throw breach(question, broken);
  const missing = policy === 'require' && (unchecked.length > 0 || nothing);
  if (missing && !force) throw unknown(question, unchecked);
  return {
    changes: nothing && changes.length === 0 ? 'unchecked' : changes,
    unchecked,
    forced: broken.length > 0 || missing,
  };
}

/** What every plugin has: checked by using it. */
const ownServices = /^(?:grpc|plugd)\.|^plugin\.GRPC(?:Broker|Controller|Stdio)$/;

function isApplications(service: string): boolean {
  return !ownServices.test(service);
}

function part(contract: Contract, wanted: (service: string) => boolean): Contract {
  const services = contract.services.filter(({ name }) => wanted(name));
  return new Contract({ services, messages: contract.messages, files: contract.files });
}

/** All that the new version changes, and what of the application's contract it breaks; each once. */
function changesTo(
  next: Contract | undefined,
  old: Contract | undefined,
  given: Contract,
  isPublic: (service: string) => boolean,
): ContractChange[] {
  // Of a plugin that says nothing nothing is gone, and to one that said nothing nothing is added.
  if (next === undefined) return [];
  const changes = old === undefined ? [] : changesBetween(old, next, isPublic);
  const known = new Set(changes.map(formatChange));
  // What the plugin has beyond what the application uses is no change.
  const others = compareContracts(given, next).filter(({ breaking }) => breaking);
  return [...changes, ...others.filter((change) => !known.has(formatChange(change)))];
}

/** What breaks only services that the application has not named breaks nobody: it is told, and no more. */
function changesBetween(
  old: Contract,
  next: Contract,
  isPublic: (service: string) => boolean,
): ContractChange[] {
  const changes = compareContracts(part(old, isPublic), part(next, isPublic));
  const known = new Set(changes.map(formatChange));
  const others = compareContracts(old, next).filter((change) => !known.has(formatChange(change)));
  return [...changes, ...others.map((change) => ({ ...change, breaking: false }))];
}

/** Whether a service's types were held against each other, or it is known to be gone. */
function isCompared(name: string, next: Contract, sides: readonly Contract[]): boolean {
  if (next.services.length > 0 && next.service(name) === undefined) return true;
  return isDescribed(name, next) && sides.some((side) => isDescribed(name, side));
}

function isDescribed(name: string, contract: Contract): boolean {
  return contract.service(name)?.methods.some(({ inputType }) => inputType !== undefined) ?? false;
}

function breach({ plugin, version }: ContractQuestion, broken: readonly ContractChange[]): PluginError {
  const named = broken.slice(0, namedChanges).map((change) => printable(formatChange(change)));
  const more = broken.length - named.length;
  return new PluginError(
    'CONTRACT_BROKEN',
    `Version ${version} of plugin ${plugin} breaks the contract: ${named.join('; ')}` +
      `${more > 0 ? `; and ${more} more` : ''}.`,
    { facts: { plugin, version, changes: broken.slice(0, keptChanges), count: broken.length } },
  );
}

function unknown({ plugin, version, next }: ContractQuestion, services: readonly string[]): PluginError {
  const named = services.slice(0, namedChanges).map((name) => printable(name));
  const more = services.length - named.length;
  const what = services.length === 0 ? '' : ` of ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const why =
    next === undefined ? 'it does not tell its own' : 'there are no descriptors on both sides to compare';
  return new PluginError(
    'CONTRACT_UNCHECKED',
    `The contract${what} of version ${version} of plugin ${plugin} can't be checked: ${why}.`,
    { facts: { plugin, version, services: services.slice(0, keptChanges) } },
  );
}
