import { violated, violatedAtRest } from './invariants';
import { initialWorld, type LabelledTransition, transitions } from './machine';
import { keyOf, type Setting, type World } from './world';

export interface Exploration {
  readonly setting: string;
  readonly states: number;
  readonly transitions: number;
  /** The longest of the shortest ways to a state. */
  readonly depth: number;
  readonly seconds: number;
  /** Every state that there is was seen; false where the limit came first. */
  readonly whole: boolean;
  readonly counterexample?: Counterexample;
}

export interface Counterexample {
  readonly violation: string;
  /** The shortest way to it. */
  readonly trace: readonly string[];
}

export interface ExploreLimits {
  readonly maxStates?: number;
  readonly maxDepth?: number;
  readonly deadline?: number;
}

/** Breadth first over all interleavings; equal worlds are one. Stops at the first violation, which is the nearest one. */
export function explore(setting: Setting, limits: ExploreLimits = {}): Exploration {
  const { maxStates = Infinity, maxDepth = Infinity, deadline = Infinity } = limits;
  const began = performance.now();
  const seen = new Set<string>();
  const parents: number[] = [-1];
  const labels: string[] = [''];
  let count = 0;
  let depth = 0;
  let whole = true;
  const result = (counterexample?: Counterexample): Exploration => ({
    setting: setting.name,
    states: seen.size,
    transitions: count,
    depth,
    seconds: Math.round(performance.now() - began) / 1000,
    whole,
    ...(counterexample === undefined ? {} : { counterexample }),
  });
  const wayTo = (id: number): string[] => {
    const way: string[] = [];
    for (let at = id; at > 0; at = parents[at] ?? 0) way.push(labels[at] ?? '');
    return way.reverse();
  };
  const first = initialWorld(setting);
  seen.add(keyOf(first));
  let layer: { world: World; id: number }[] = [{ world: first, id: 0 }];
  while (layer.length > 0) {
    if (depth >= maxDepth) {
      whole = false;
      break;
    }
    const next: { world: World; id: number }[] = [];
    for (const { world, id } of layer) {
      if (seen.size >= maxStates || performance.now() > deadline) {
        whole = false;
        return result();
      }
      const ways: LabelledTransition[] = transitions(world, setting);
      if (ways.length === 0) {
        const violation = violatedAtRest(world, setting);
        if (violation !== undefined) return result({ violation, trace: wayTo(id) });
      }
      for (const { label, to } of ways) {
        count++;
        const key = keyOf(to);
        const violation = violated(to, setting);
        if (violation !== undefined) return result({ violation, trace: [...wayTo(id), label] });
        if (seen.has(key)) continue;
        seen.add(key);
        parents.push(id);
        labels.push(label);
        next.push({ world: to, id: parents.length - 1 });
      }
    }
    if (next.length > 0) depth++;
    layer = next;
  }
  return result();
}
