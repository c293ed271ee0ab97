import type { MessageType } from './message-type';

/** A field of both messages that excludes other fields of both than it did. */
export interface ExclusionChange {
  readonly name: string;
  /** `alone`, or `with` and the names of the others in its oneof. */
  readonly before: string;
  readonly after: string;
}

/**
 * Which fields that both messages have stand in another company than before: of the members of a oneof only the one that
 * came last is kept by who reads. Their names don't count, nor fields that one side does not know.
 */
export function exclusions(was: MessageType, is: MessageType): ExclusionChange[] {
  if (!was.tellsOneofs || !is.tellsOneofs) return [];
  const common = commonNumbers(was, is);
  const ids = new Map<string, number>();
  const before = companies(was, common, ids);
  const after = companies(is, common, ids);
  return was.fields.flatMap(({ name, number }) => {
    const [old, now] = [before.get(number), after.get(number)];
    if (old?.id === now?.id) return [];
    return [{ name, before: text(old, number), after: text(now, number) }];
  });
}

function commonNumbers(was: MessageType, is: MessageType): ReadonlySet<number> {
  const numbers = new Set(is.fields.map(({ number }) => number));
  return new Set(was.fields.map(({ number }) => number).filter((number) => numbers.has(number)));
}

interface Company {
  /** Equal for companies of the same numbers: to compare those would take long where a stranger wrote them. */
  readonly id: number;
  readonly members: readonly { readonly name: string; readonly number: number }[];
}

/** By the number of each field, those that it excludes and itself; none for a field that excludes nothing. */
function companies(
  { fields }: MessageType,
  common: ReadonlySet<number>,
  ids: Map<string, number>,
): ReadonlyMap<number, Company> {
  const oneofs = new Map<number, { name: string; number: number }[]>();
  for (const { name, number, oneof } of fields) {
    if (oneof === undefined || !common.has(number)) continue;
    const members = oneofs.get(oneof);
    if (members === undefined) oneofs.set(oneof, [{ name, number }]);
    else members.push({ name, number });
  }
  const found = new Map<number, Company>();
  for (const members of oneofs.values()) {
    if (members.length < 2) continue;
    const sorted = members.toSorted((one, other) => one.number - other.number);
    const key = sorted.map(({ number }) => number).join();
    const id = ids.get(key) ?? ids.size;
    ids.set(key, id);
    const company = { id, members: sorted };
    for (const { number } of sorted) found.set(number, company);
  }
  return found;
}

function text(company: Company | undefined, number: number): string {
  if (company === undefined) return 'alone';
  const others = company.members.filter((member) => member.number !== number);
  const named = others.slice(0, 3).map(({ name }) => name);
  const more = others.length - named.length;
  return `with ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
