import type { DataPath } from './problem';

/** As much of a JSON schema as tells which keys may stand where. */
export interface KeySchema {
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly additionalProperties?: KeySchema | boolean;
  readonly propertyNames?: { readonly enum?: readonly unknown[] };
  readonly items?: KeySchema | readonly KeySchema[];
  readonly anyOf?: readonly KeySchema[];
}

/** The keys that a map at this path may have, as far as they are a fixed list. */
export function keysAt(schema: KeySchema, path: DataPath): string[] {
  let here = [schema];
  for (const step of path) here = here.flatMap(alternatives).flatMap((one) => below(one, step));
  return here
    .flatMap(alternatives)
    .flatMap((one) => [
      ...Object.keys(one.properties ?? {}),
      ...(one.propertyNames?.enum ?? []).filter((key) => typeof key === 'string'),
    ]);
}

/** The groups in which a key may stand; '' is the file's own level. What is in lists doesn't count. */
export function groupsWith(schema: KeySchema, key: string, path = ''): string[] {
  const found = Object.hasOwn(schema.properties ?? {}, key) ? [path] : [];
  const { additionalProperties: others } = schema;
  const groups = [
    ...Object.entries(schema.properties ?? {}),
    ...(typeof others === 'object' ? [['<name>', others] as const] : []),
  ];
  const inner = groups.flatMap(([name, group]) =>
    alternatives(group).flatMap((one) => groupsWith(one, key, path === '' ? name : `${path}.${name}`)),
  );
  return [...found, ...inner];
}

function alternatives(schema: KeySchema): readonly KeySchema[] {
  return [schema, ...(schema.anyOf ?? [])];
}

function below(schema: KeySchema, step: string | number): readonly KeySchema[] {
  const { properties = {}, additionalProperties: others, items } = schema;
  if (typeof step === 'number') return items === undefined ? [] : isList(items) ? items : [items];
  const own = Object.hasOwn(properties, step) ? properties[step] : undefined;
  if (own !== undefined) return [own];
  return typeof others === 'object' ? [others] : [];
}

/** `Array.isArray` leaves lists that may not be changed among what is no list. */
function isList(items: KeySchema | readonly KeySchema[]): items is readonly KeySchema[] {
  return Array.isArray(items);
}
