import type { PluginError } from '@plugd/protocol/plugin-error';
import { satisfies } from 'semver';
import { type ChosenVersion, checkRequires } from '../manifest/requires';
import { type Choice, choices, type RequiredRanges, type Situation } from './choices';

/** What is to be done with a plugin now. */
export type WatchAction =
  | {
      /** `restart`: on another content of the version that runs; `configure`: on the same, by other settings. */
      readonly kind: 'load' | 'upgrade' | 'restart' | 'configure';
      readonly name: string;
      readonly version: string;
      readonly digest: string;
      readonly requires: RequiredRanges;
    }
  | { readonly kind: 'stop'; readonly name: string };

/** A version that would run, if it were not for what it requires or is required of it. */
export interface WaitingVersion {
  readonly name: string;
  readonly version: string;
  readonly error: PluginError;
}

export interface Plan {
  /** All that can be done at the same time; to be planned anew when one of them has ended. */
  readonly actions: readonly WatchAction[];
  /** What may be possible when they have ended. */
  readonly later: readonly WatchAction[];
  readonly waiting: readonly WaitingVersion[];
}

/**
 * What leads from that which runs to that which is on disk: of each plugin the highest version that is good, allowed by its
 * pin, and has not failed. No step puts a version where what it requires doesn't run, or where one that runs could not do with
 * it: steps wait for each other, and what no order makes possible is left out and told of.
 */
export function plan(situation: Situation): Plan {
  const lists = choices(situation);
  const chosen = settle(lists);
  const now = running(situation);
  const actions: WatchAction[] = [];
  const held: { name: string; choice: Choice }[] = [];
  for (const [name, choice] of chosen) {
    if (situation.busy.has(name)) continue;
    if (choice.kind === 'keep') {
      actions.push(...reconfigured(name, situation));
      continue;
    }
    if (choice.kind === 'none') {
      if (situation.running.has(name) && !isAwaited(name, chosen, situation))
        actions.push({ kind: 'stop', name });
      continue;
    }
    if (!isAllowedNow(name, choice, situation)) held.push({ name, choice });
    else actions.push(action(name, choice, situation));
  }
  const waiting: WaitingVersion[] = [];
  const final = new Map([...chosen].flatMap(([name, choice]) => versionOf(name, choice)));
  for (const [name, list] of lists) {
    const [best] = list;
    const choice = chosen.get(name);
    if (best?.kind === 'run' && best !== choice) waiting.push(...reason(name, best, final));
    // It runs on, without what it requires: nobody ends it for what was done to another one.
    else if (choice?.kind === 'keep' && unmet(choice, chosen).length > 0)
      waiting.push(...reason(name, choice, final));
  }
  // While something is under way what is held may be its turn next.
  if (actions.length === 0 && situation.busy.size === 0)
    for (const { name, choice } of held)
      waiting.push(...[final, now].flatMap((others) => reason(name, choice, others)).slice(0, 1));
  const later = held.flatMap(({ name, choice }) =>
    choice.kind === 'run' ? [action(name, choice, situation)] : [],
  );
  return { actions, later, waiting };
}

function action(name: string, choice: Choice & { kind: 'run' }, { running }: Situation): WatchAction {
  const { version, digest, requires } = choice;
  const before = running.get(name);
  const kind = before === undefined ? 'load' : before.version === version ? 'restart' : 'upgrade';
  return { kind, name, version, digest, requires };
}

/** What stays is run by the settings that there are now. */
function reconfigured(name: string, { running, settings, hasFailed }: Situation): WatchAction[] {
  const now = running.get(name);
  if (now?.settings === undefined || now.digest === undefined) return [];
  const { version, digest, requires } = now;
  if (now.settings === (settings?.get(name) ?? '') || hasFailed(name, version, digest)) return [];
  return [{ kind: 'configure', name, version, digest, requires }];
}

/** Of each plugin the first of its choices with which all fit each other. */
function settle(lists: ReadonlyMap<string, readonly Choice[]>): ReadonlyMap<string, Choice> {
  const chosen = new Map<string, Choice>();
  for (const [name, [choice]] of lists) if (choice !== undefined) chosen.set(name, choice);
  const giveIn = (name: string): boolean => {
    const list = lists.get(name) ?? [];
    const choice = chosen.get(name);
    const next = choice === undefined ? undefined : list[list.indexOf(choice) + 1];
    if (next === undefined) return false;
    chosen.set(name, next);
    return true;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const name of lists.keys()) {
      const choice = chosen.get(name);
      if (choice === undefined) continue;
      for (const other of unmet(choice, chosen)) {
        // What runs stays, and what would break it gives in; else the one that asks for more than there is.
        const who = choice.kind === 'run' ? name : other;
        if (chosen.get(who)?.kind === 'run' && giveIn(who)) changed = true;
        if (who === name) break;
      }
    }
  }
  // One may have given in to another that did so as well in the end.
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name, list] of lists) {
      const at = chosen.get(name);
      const better = list.slice(0, at === undefined ? 0 : list.indexOf(at));
      const fits = better.find((choice) => {
        const tried = new Map(chosen).set(name, choice);
        const broken = (all: ReadonlyMap<string, Choice>) =>
          [...all].filter(([, one]) => unmet(one, all).includes(name)).length;
        return unmet(choice, tried).length === 0 && broken(tried) <= broken(chosen);
      });
      if (fits === undefined) continue;
      chosen.set(name, fits);
      changed = true;
    }
  }
  return chosen;
}

/** The plugins that a choice requires and that are not to be as it requires them. */
function unmet(choice: Choice, chosen: ReadonlyMap<string, Choice>): string[] {
  if (choice.kind === 'none') return [];
  return Object.entries(choice.requires).flatMap(([name, range]) => {
    const other = chosen.get(name);
    return other !== undefined && other.kind !== 'none' && satisfies(other.version, range) ? [] : [name];
  });
}

function isAllowedNow(
  name: string,
  { version, requires }: Choice & { kind: 'run' },
  { running, busy }: Situation,
): boolean {
  const before = running.get(name);
  for (const [required, range] of Object.entries(requires)) {
    const other = running.get(required);
    if (other === undefined || busy.has(required) || !satisfies(other.version, range)) return false;
  }
  for (const requiredBy of busy.values()) if (Object.hasOwn(requiredBy, name)) return false;
  for (const [dependent, { requires: ranges }] of running) {
    const range = ranges[name];
    if (dependent === name || range === undefined || satisfies(version, range)) continue;
    // What is broken already is not broken by this.
    if (before !== undefined && satisfies(before.version, range)) return false;
  }
  return true;
}

/** Whether one that is to end requires it, and ends first. */
function isAwaited(name: string, chosen: ReadonlyMap<string, Choice>, { running, busy }: Situation): boolean {
  return [...running].some(
    ([dependent, { requires }]) =>
      dependent !== name &&
      Object.hasOwn(requires, name) &&
      (busy.has(dependent) || chosen.get(dependent)?.kind === 'none'),
  );
}

function running(situation: Situation): ReadonlyMap<string, ChosenVersion> {
  return new Map(
    [...situation.running].map(([name, { version, requires }]) => [name, { name, version, requires }]),
  );
}

function versionOf(name: string, choice: Choice): [string, ChosenVersion][] {
  if (choice.kind === 'none') return [];
  return [[name, { name, version: choice.version, requires: choice.requires }]];
}

/** Why a version can't be among these. */
function reason(
  name: string,
  choice: Choice,
  others: ReadonlyMap<string, ChosenVersion>,
): readonly WaitingVersion[] {
  if (choice.kind === 'none') return [];
  const { version, requires } = choice;
  const together = new Map(others).set(name, { name, version, requires });
  const error = checkRequires([...together.values()]).find(({ facts }) => {
    const { plugin, required, cycle } = facts;
    return plugin === name || required === name || (Array.isArray(cycle) && cycle.includes(name));
  });
  return error === undefined ? [] : [{ name, version, error }];
}
