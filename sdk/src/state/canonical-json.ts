import { UnfitState } from './unfit-state';

/**
 * The JSON text of a value in the form of RFC 8785: keys sorted, no spaces. Equal values have equal texts.
 *
 * Stricter than JSON.stringify, which would silently make something else of a Map, a Date, NaN or a gap in a list.
 * Only keys that hold undefined are left out, as there.
 * @throws UnfitState
 */
export function canonicalJson(value: unknown): string {
  return write(value, []);
}

function write(value: unknown, above: object[]): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw unfit(String(value), above.length);
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : writeObject(value, above);
    default:
      throw unfit(typeof value, above.length);
  }
}

function writeObject(value: object, above: object[]): string {
  if (above.includes(value)) throw unfit('something that holds itself', above.length);
  above.push(value);
  const text = Array.isArray(value) ? writeList(value, above) : writeFields(value, above);
  above.pop();
  return text;
}

function writeList(list: readonly unknown[], above: object[]): string {
  // Not by map, which skips gaps.
  return `[${Array.from(list, (item) => write(item, above)).join(',')}]`;
}

function writeFields(value: object, above: object[]): string {
  if (!isPlain(value)) {
    throw unfit(`an object of the class ${value.constructor?.name ?? '?'}`, above.length - 1);
  }
  const fields: string[] = [];
  for (const [key, field] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (field !== undefined) fields.push(`${JSON.stringify(key)}:${write(field, above)}`);
  }
  return `{${fields.join(',')}}`;
}

/** By shape: an object that comes from another realm has another Object.prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// Keys are data too: the depth says where.
function unfit(what: string, depth: number): UnfitState {
  return new UnfitState(`there is ${what} in it, ${depth} levels deep, which JSON can't hold`);
}
