import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isPortFree } from './port-probe';

/** Ports by their names; 0: the host picks one. */
export type Ports = Readonly<Record<string, number>>;

/** Ports that one instance has to itself. */
export interface PortClaim {
  /** Without a 0. */
  readonly numbers: Ports;
  /** The instance is gone. May be called again. */
  release(): void;
}

export interface ClaimOptions {
  /** How long to wait until whoever has a port has left, in milliseconds. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Behind the range in which go-plugin's plugins listen, and before that from which systems take the ports of outgoing
 * connections: a port that is kept for a plugin should not be gone when its next generation comes.
 */
const forPlugins = { first: 25_001, last: 32_767 };
/** More than any machine has listeners there, by far. */
const pickAttempts = 500;
const pollMs = 20;

/** Who has which ports of this host's plugins: one instance at a time. */
export class PortBook {
  readonly #isFree: (port: number) => Promise<boolean>;
  readonly #range: { readonly first: number; readonly last: number };
  /** By plugin, then by name: the host's own choices, which stay. */
  readonly #chosen = new Map<string, Map<string, number>>();
  /** The instance that has each. */
  readonly #holders = new Map<number, string>();

  /** @param isFree whether nobody listens there @param range what is picked from */
  constructor(isFree = isPortFree, range = forPlugins) {
    this.#isFree = isFree;
    this.#range = range;
  }

  /**
   * Gives an instance its plugin's ports, once nobody else has or uses them. What the host picked for a plugin stays its own,
   * in later generations too, for as long as the host lives.
   *
   * Throws PluginError PORT_IN_USE when the time is over, and the signal's reason.
   */
  async claim(plugin: string, instance: string, ports: Ports, options: ClaimOptions): Promise<PortClaim> {
    const deadline = performance.now() + options.limitMs;
    const mine: number[] = [];
    const release = (): void => {
      for (const port of mine.splice(0)) this.#holders.delete(port);
    };
    const numbers: Record<string, number> = {};
    try {
      for (const [name, wanted] of Object.entries(ports)) {
        const port = wanted === 0 ? await this.#choice(plugin, name) : wanted;
        numbers[name] = port;
        await this.#wait(name, port, deadline, options, () => {
          // In the same moment in which it is seen to be nobody's.
          this.#holders.set(port, instance);
          mine.push(port);
        });
      }
      return { numbers, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The ports of a process that another host started. */
  adopt(plugin: string, instance: string, numbers: Ports): PortClaim {
    const mine = Object.values(numbers).filter((port) => !this.#holders.has(port));
    for (const port of mine) this.#holders.set(port, instance);
    const chosen = this.#chosenFor(plugin);
    for (const [name, port] of Object.entries(numbers)) if (!chosen.has(name)) chosen.set(name, port);
    return {
      numbers,
      release: () => {
        for (const port of mine.splice(0)) this.#holders.delete(port);
      },
    };
  }

  async #wait(
    name: string,
    port: number,
    deadline: number,
    { limitMs, signal }: ClaimOptions,
    take: () => void,
  ): Promise<void> {
    let taken = false;
    for (;;) {
      signal.throwIfAborted();
      const holder = this.#holders.get(port);
      if (!taken && holder === undefined) {
        take();
        taken = true;
      }
      if (taken && (await this.#isFree(port))) return;
      if (performance.now() >= deadline) throw inUse(name, port, limitMs, taken ? undefined : holder);
      await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #choice(plugin: string, name: string): Promise<number> {
    const chosen = this.#chosenFor(plugin);
    const before = chosen.get(name);
    if (before !== undefined) return before;
    for (let attempt = 0; attempt < pickAttempts; attempt++) {
      const others = new Set([...this.#chosen.values()].flatMap((one) => [...one.values()]));
      const port = randomInt(this.#range.first, this.#range.last + 1);
      if (others.has(port) || this.#holders.has(port)) continue;
      // Before it is looked at, so that nobody else chooses it meanwhile.
      chosen.set(name, port);
      if (await this.#isFree(port)) return port;
      chosen.delete(name);
    }
    throw new PluginError('PORT_IN_USE', `No free port was found for ${name}.`, {
      facts: { name, ...this.#range },
    });
  }

  #chosenFor(plugin: string): Map<string, number> {
    const chosen = this.#chosen.get(plugin) ?? new Map<string, number>();
    this.#chosen.set(plugin, chosen);
    return chosen;
  }
}

function inUse(name: string, port: number, limitMs: number, holder: string | undefined): PluginError {
  const who = holder === undefined ? 'Somebody listens' : `Instance ${holder} is`;
  const summary = `${who} on port ${port} (${name}), and that did not end within ${limitMs} ms.`;
  return new PluginError('PORT_IN_USE', summary, {
    facts: { port, name, ...(holder === undefined ? {} : { holder }) },
  });
}
