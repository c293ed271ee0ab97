import { ResourceKind as Wire } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';

/**
 * How the generations of a plugin have a resource beside each other:
 * - `shared`: several have it; it is freed after the last one that uses it.
 * - `exclusive`: one at a time; the old one releases it before the new one takes it.
 * - `per-generation`: each has its own; it is freed at the switch.
 * - `leased`: each leases a part of a pool, and gives its own part back when it leaves.
 */
export type ResourceKind = 'shared' | 'exclusive' | 'per-generation' | 'leased';

/** Something that a plugin holds beside memory. */
export interface Resource {
  readonly name: string;
  readonly kind: ResourceKind;
}

/** What is declared beyond these is not looked after: the host's book is no place for a plugin's database. */
const mostResources = 256;
const longestName = 256;

/** What a plugin declares, as the host understands it: none of it is trusted to make sense. */
export function readResources(declared: readonly { readonly name: string; readonly kind: Wire }[]): {
  readonly resources: readonly Resource[];
  /** Why some of it was left out, a sentence each; empty for a plugin that declares what it should. */
  readonly complaints: readonly string[];
} {
  const resources = new Map<string, Resource>();
  const complaints: string[] = [];
  for (const { name, kind } of declared) {
    if (name === '' || name.length > longestName) {
      complaints.push(`A resource needs a name of at most ${longestName} characters.`);
    } else if (resources.has(name)) {
      complaints.push(`Resource ${name} is declared twice: its first kind counts.`);
    } else if (resources.size === mostResources) {
      complaints.push(`More than ${mostResources} resources are declared: the others are not looked after.`);
      break;
    } else {
      resources.set(name, { name, kind: kindOf(kind) });
    }
  }
  return { resources: [...resources.values()], complaints };
}

function kindOf(kind: Wire): ResourceKind {
  switch (kind) {
    case Wire.RESOURCE_KIND_SHARED:
      return 'shared';
    case Wire.RESOURCE_KIND_PER_GENERATION:
      return 'per-generation';
    case Wire.RESOURCE_KIND_LEASED:
      return 'leased';
    default:
      // Also a kind that only a later host knows: one at a time is right for whatever it means.
      return 'exclusive';
  }
}
