import type { RunningVersion, Situation } from './choices';
import { type Plan, plan, type WatchAction } from './plan';

/** One thing that is to be done to make what runs what is on disk; or why it can't be. */
export interface PlannedChange {
  readonly plugin: string;
  /**
   * - `load`, `upgrade`, `stop`: what they say
   * - `restart`: on another content of the version that runs
   * - `configure`: on the same content, by other settings
   * - `waiting`: not before something else has changed
   * - `failed`: it was tried, or can't be; not before it has changed itself
   */
  readonly action: WatchAction['kind'] | 'waiting' | 'failed';
  /** What runs now; undefined: nothing. */
  readonly from: string | undefined;
  /** What would run; undefined: nothing. */
  readonly to: string | undefined;
  /** Why, in a sentence. */
  readonly reason: string;
}

/** What is known beside the situation. */
export interface AboutPlan {
  /** Of a version that is not run as it is; undefined: nothing speaks against it. */
  readonly problemOf: (name: string, version: string) => string | undefined;
  /** What somebody has done with a plugin by hand, so that it is left as it is. */
  readonly left: ReadonlyMap<string, string>;
  /** Nothing of these is to be run. */
  readonly disabled: ReadonlySet<string>;
}

/** Longer chains of what waits for each other are not thought through to their end. */
const mostRounds = 32;

const words: Record<WatchAction['kind'], string> = {
  load: 'it lies in the directory of plugins, and is not loaded',
  upgrade: 'it is the version that is wanted',
  restart: 'the version that runs has another content on disk',
  configure: 'its settings have changed',
  stop: 'it is no longer on disk',
};

/** All that would be done one after the other, each succeeding, and what would still be in the way then. By name. */
export function plannedChanges(
  situation: Situation,
  underWay: ReadonlyMap<string, WatchAction>,
  about: AboutPlan,
): readonly PlannedChange[] {
  const changes: PlannedChange[] = [];
  const from = (name: string) => situation.running.get(name)?.version;
  const to = (action: WatchAction) => (action.kind === 'stop' ? undefined : action.version || undefined);
  for (const [name, action] of underWay)
    changes.push({
      ...{ plugin: name, action: action.kind, from: from(name), to: to(action) },
      reason: 'it is being done',
    });
  const { actions, waiting } = toTheEnd(situation);
  for (const action of actions) {
    const { name: plugin, kind } = action;
    const reason = kind === 'stop' && about.disabled.has(plugin) ? 'its settings disable it' : words[kind];
    changes.push({ plugin, action: kind, from: from(plugin), to: to(action), reason });
  }
  for (const { name, version, error } of waiting)
    changes.push({
      ...{ plugin: name, action: 'waiting', from: from(name), to: version },
      reason: error.summary,
    });
  for (const [plugin, reason] of about.left)
    changes.push({ plugin, action: 'waiting', from: from(plugin), to: undefined, reason });
  const done = new Set(changes.map(({ plugin, to: version }) => `${plugin}/${version}`));
  changes.push(
    ...hindered(situation, about).filter(({ plugin, to: version }) => !done.has(`${plugin}/${version}`)),
  );
  return changes.sort((a, b) => (a.plugin < b.plugin ? -1 : a.plugin > b.plugin ? 1 : 0));
}

/** What is above the version that runs, and is not run. */
function hindered({ onDisk, running, pins }: Situation, about: AboutPlan): PlannedChange[] {
  const changes: PlannedChange[] = [];
  for (const [plugin, versions] of onDisk) {
    if (about.left.has(plugin) || about.disabled.has(plugin)) continue;
    const from = running.get(plugin)?.version;
    const pin = pins.get(plugin);
    for (const { version, state } of versions) {
      const isWanted = pin === undefined || pin === version;
      const reason = about.problemOf(plugin, version);
      const common = { plugin, from, to: version };
      if (isWanted && state === 'unsettled')
        changes.push({ ...common, action: 'waiting', reason: 'it is still being written' });
      else if (isWanted && reason !== undefined) changes.push({ ...common, action: 'failed', reason });
      if (version === from) break;
    }
    if (pin !== undefined && pin !== from && versions.every(({ version }) => version !== pin))
      changes.push({
        plugin,
        action: 'waiting',
        from,
        to: pin,
        reason: 'it is pinned to a version that is not on disk',
      });
  }
  return changes;
}

function toTheEnd(situation: Situation): Pick<Plan, 'actions' | 'waiting'> {
  let rounds = mostRounds;
  const running = new Map<string, RunningVersion>(situation.running);
  const actions: WatchAction[] = [];
  for (;;) {
    const next = plan({ ...situation, running });
    // No plugin is touched twice, so that this comes to an end whatever is planned.
    const fresh = next.actions.filter(({ name }) => !actions.some((one) => one.name === name));
    if (fresh.length === 0) return { actions, waiting: next.waiting };
    // A plan of a thousand plugins takes some milliseconds, during which nothing else is done.
    if (--rounds === 0) return { actions: [...actions, ...fresh, ...next.later], waiting: [] };
    for (const action of fresh) {
      actions.push(action);
      if (action.kind === 'stop') running.delete(action.name);
      else {
        const { name, version, digest, requires } = action;
        const settings = situation.settings?.get(name) ?? '';
        running.set(name, { version, digest, requires, foreign: false, settings });
      }
    }
  }
}
