import type { Contract } from '../contract/contract';

/** What stands for methods that have no label of their own. */
export const otherMethod = 'other';

const mostMethods = 64;
const longestLabel = 200;

/**
 * Which methods of a plugin have a label of their own: those of its contract that are called, at most 64. Anything can be called, and
 * a plugin can claim any methods; what is counted by them must stay bounded.
 */
export class MethodLabels {
  readonly #contract: () => Contract | undefined;
  readonly #labels = new Map<string, string>();

  constructor(contract: () => Contract | undefined) {
    this.#contract = contract;
  }

  /** @param path `/package.Service/Method` */
  of(path: string): string {
    const label = this.#labels.get(path);
    if (label !== undefined) return label;
    const own = path.slice(1);
    const fits = this.#labels.size < mostMethods && own.length <= longestLabel && own !== otherMethod;
    if (!fits || this.#contract()?.method(path) === undefined) return otherMethod;
    this.#labels.set(path, own);
    return own;
  }
}
