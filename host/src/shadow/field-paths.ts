/**
 * Names fields of messages, in one of two ways:
 *
 * - the way to it from the message that a method takes or answers: names of fields as in the proto, with a dot between; an element
 *   of a list is one step (its index), and so is an entry of a map (its key). `*` is any one step. `items.*.id`: the id of each item.
 * - the field's full name, with its package and message: `sample.v1.Item.id`, wherever that message occurs.
 *
 * What stands below a named field is named with it.
 */
export class FieldPaths {
  readonly #names: ReadonlySet<string>;
  readonly #paths: readonly (readonly string[])[];

  constructor(fields: readonly string[]) {
    this.#names = new Set(fields);
    this.#paths = fields.map((field) => field.split('.'));
  }

  /** @param fullName of the field where the last step is one, and neither an index nor a key */
  includes(steps: readonly string[], fullName?: string): boolean {
    if (fullName !== undefined && this.#names.has(fullName)) return true;
    return this.#paths.some(
      (path) =>
        path.length === steps.length && path.every((step, index) => step === '*' || step === steps[index]),
    );
  }
}

/** One or more names with dots between, or `*` for one of them. */
export function isFieldPath(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.split('.').every((step) => step !== '');
}
