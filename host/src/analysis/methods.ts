/** More methods than that share one place. */
const MAX_METHODS = 64;

/** Where all further methods are counted: no path of a method is empty. */
const THE_REST = '';

/** Something for each method, bounded in number, whatever is called. */
export class Methods<Thing> {
  private readonly things = new Map<string, Thing>();

  constructor(private readonly make: () => Thing) {}

  of(method: string): Thing {
    const known = this.things.get(method);
    if (known !== undefined) return known;
    const name = this.things.size < MAX_METHODS - 1 ? method : THE_REST;
    const thing = this.things.get(name) ?? this.make();
    this.things.set(name, thing);
    return thing;
  }

  all(): Iterable<Thing> {
    return this.things.values();
  }
}
