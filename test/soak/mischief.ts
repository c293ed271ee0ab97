import { setTimeout as sleep } from 'node:timers/promises';
import type { Plugin } from '@plugd/host';
import type { SeededRandom } from '../support/seeded-random';
import type { Tally } from './tally';

/** A plugin with both of its versions. */
export interface Soaked {
  readonly plugin: Plugin;
  readonly instances: number;
  /** Command and arguments. */
  readonly versions: readonly [v1: readonly string[], v2: readonly string[]];
}

export type Act = 'kill' | 'restart' | 'upgrade' | 'hang';

/** Hangs take longest to be noticed, and need nothing else than kills do once they are. */
const acts: readonly [Act, ...Act[]] = [
  'hang',
  ...Array<Act>(5).fill('kill'),
  ...Array<Act>(3).fill('restart'),
  ...Array<Act>(3).fill('upgrade'),
];
/** From the act until all processes of the plugin serve again. */
const recoverLimitMs = 60_000;

/** Does to plugins what makes hosts replace processes. */
export class Mischief {
  /** What was done, by plugin and kind: how often, and how long it took in all until the plugin was whole again. */
  readonly done: Record<string, { times: number; seconds: number }> = {};

  readonly #hanging = new Set<Plugin>();
  readonly #operations = new Map<Plugin, number>();

  constructor(
    private readonly random: SeededRandom,
    private readonly tally: Tally,
  ) {}

  /** Does one thing, and waits until the plugin is whole again. Never rejects. */
  async strike(soaked: Soaked): Promise<void> {
    const act = this.#pick(soaked.plugin);
    const begun = performance.now();
    try {
      await this.#do(act, soaked);
      await whole(soaked);
      const key = `${act} of ${soaked.plugin.name}`;
      const { times, seconds } = this.done[key] ?? { times: 0, seconds: 0 };
      this.done[key] = { times: times + 1, seconds: seconds + (performance.now() - begun) / 1000 };
    } catch (error) {
      this.tally.note(`${act} of ${soaked.plugin.name}: ${error}`);
    }
  }

  /** An old process that hangs holds its calls for as long as it may drain: nobody can tell it from a slow one. */
  #pick(plugin: Plugin): Act {
    const act = this.random.pick(acts);
    const operating = (this.#operations.get(plugin) ?? 0) > 0;
    const hidden = act === 'hang' ? operating : act !== 'kill' && this.#hanging.has(plugin);
    return hidden ? 'kill' : act;
  }

  async #do(act: Act, soaked: Soaked): Promise<void> {
    const { plugin } = soaked;
    if (act === 'restart' || act === 'upgrade') {
      const operations = (by: number): void =>
        void this.#operations.set(plugin, by + (this.#operations.get(plugin) ?? 0));
      operations(1);
      await (act === 'restart' ? plugin.restart() : upgrade(soaked));
      operations(-1);
      return;
    }
    const serving = plugin.status().instances.filter(({ state }) => state === 'serving');
    const victim = serving[this.random.below(serving.length)];
    // Somebody else has just struck it.
    if (victim === undefined) return;
    process.kill(victim.pid, act === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    if (act === 'hang') this.#hanging.add(plugin);
    // Nobody has noticed yet.
    await until(() => isGone(plugin, victim.pid), `${plugin.name} gives its lost process up`);
    this.#hanging.delete(plugin);
  }
}

function upgrade({ plugin, versions }: Soaked): PromiseLike<unknown> {
  const next = plugin.status().version === '1.0.0' ? 2 : 1;
  const [command = '', ...args] = versions[next - 1] ?? [];
  return plugin.upgrade({ version: `${next}.0.0`, command, args });
}

function isGone(plugin: Plugin, pid: number): boolean {
  return !plugin.status().instances.some((instance) => instance.pid === pid);
}

/** Waits until as many processes as there should be serve, and no other is left. */
export function whole({ plugin, instances: wanted }: Soaked): Promise<void> {
  return until(() => {
    const { state, instances } = plugin.status();
    return (
      state === 'serving' && instances.length === wanted && instances.every((one) => one.state === 'serving')
    );
  }, `${plugin.name} is whole`);
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + recoverLimitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(10);
  }
}
