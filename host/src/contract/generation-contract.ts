import { Contract } from './contract';

/**
 * The contract of one generation: what the application gave, over what the plugin says of itself. The instances of a
 * generation run the same program, so they share one of these, and only one of them is asked.
 */
export class GenerationContract {
  /** What the application gave. */
  readonly given: Contract;
  #reflected: Contract | undefined;
  #now: Contract;
  #asked: Promise<Contract> | undefined;
  #settled = false;

  constructor(given: Contract = Contract.empty) {
    this.given = given;
    this.#now = given;
  }

  /** What is known at this moment: the given one alone, until the plugin has answered. */
  get now(): Contract {
    return this.#now;
  }

  /** The plugin's own word; undefined until it has answered, and for one that has no reflection to answer with. */
  get reflected(): Contract | undefined {
    return this.#reflected;
  }

  /** Whether the plugin has been asked to an end, also to one without an answer: what is not known now hardly ever will be. */
  get settled(): boolean {
    return this.#settled;
  }

  /**
   * Asks, unless somebody has: the answer is kept, also one that says nothing. Rejects as `reflect` does; whoever waited
   * for another's question then asks himself, since his may be the instance that lives.
   */
  async ask(reflect: () => Promise<Contract | undefined>): Promise<Contract> {
    while (this.#asked !== undefined) {
      try {
        return await this.#asked;
      } catch {
        // Told to who asked.
      }
    }
    this.#asked = this.#ask(reflect);
    return this.#asked;
  }

  async #ask(reflect: () => Promise<Contract | undefined>): Promise<Contract> {
    this.#settled = false;
    try {
      this.#reflected = await reflect();
    } catch (error) {
      this.#asked = undefined;
      throw error;
    } finally {
      this.#settled = true;
    }
    if (this.#reflected) this.#now = this.given.over(this.#reflected);
    return this.#now;
  }
}
