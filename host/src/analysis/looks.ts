/** From one look to the next the evidence grows by at least this factor. */
const GROWTH = 1.25;

/**
 * Spends the chance of a wrong refusal over the looks of one test: the k-th may refuse with alpha/(k(k+1)), so that all
 * together, however many, stay below alpha. A look that could not refuse, whatever the outcome, costs nothing.
 */
export class Looks {
  private taken = 0;
  private last = 0;

  constructor(private readonly alpha: number) {}

  /**
   * @returns below which chance this look refuses; undefined if it is not time for one
   * @param evidence what there is to compare; must not depend on which side has it
   * @param logLeast natural logarithm of the least chance that the test could give with it
   */
  next(evidence: number, logLeast: number): number | undefined {
    const limit = this.alpha / ((this.taken + 1) * (this.taken + 2));
    if (evidence < this.last * GROWTH || evidence <= this.last || logLeast > Math.log(limit))
      return undefined;
    this.last = evidence;
    this.taken += 1;
    return limit;
  }
}
