import type { Instance } from '../instance/instance';
import type { PluginSpec } from '../instance/plugin-spec';
import type { Generation } from '../routing/generation';

/** What answers a plugin's calls: an instance, its place in the route, and what it was made from. */
export interface Serving {
  readonly instance: Instance;
  readonly generation: Generation;
  readonly spec: PluginSpec;
}
