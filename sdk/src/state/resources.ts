import { ResourceKind as Wire } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { check } from '../option-check';

const KINDS = {
  shared: Wire.RESOURCE_KIND_SHARED,
  exclusive: Wire.RESOURCE_KIND_EXCLUSIVE,
  'per-generation': Wire.RESOURCE_KIND_PER_GENERATION,
  leased: Wire.RESOURCE_KIND_LEASED,
} as const;

/**
 * How versions of a plugin have a resource beside each other:
 * - `shared`: several have it; it is freed after the last one.
 * - `exclusive`: one at a time; the old one releases it before the new one takes it.
 * - `per-generation`: each has its own; it is freed when that version leaves.
 * - `leased`: each leases a part of a pool, and gives its own part back when it leaves.
 */
export type ResourceKind = keyof typeof KINDS;

/** What a plugin holds beside memory, by name. */
export type Resources = Readonly<Record<string, ResourceKind>>;

/** @throws PluginError OPTIONS_INVALID */
export function checkResources(resources: Resources | undefined): void {
  if (resources === undefined) return;
  check(typeof resources === 'object' && resources !== null, 'resources', 'an object');
  for (const [name, kind] of Object.entries(resources)) {
    check(name !== '', 'resources', 'an object without empty names');
    check(Object.hasOwn(KINDS, kind), `resources.${name}`, Object.keys(KINDS).join(', '));
  }
}

export function describedResources(resources: Resources): { name: string; kind: Wire }[] {
  return Object.entries(resources).map(([name, kind]) => ({ name, kind: KINDS[kind] }));
}
