import type { Instance } from '../instance/instance';

/**
 * Before anything is done to the old one: whether the new one reads the form in which the state is. Throws PluginError
 * STATE_SCHEMA_UNKNOWN.
 */
export function requireReadable(next: Instance, state: { readonly schema: number }): void {
  const restores = next.description?.state?.restores ?? [];
  if (restores.includes(state.schema)) return;
  const reads = restores.length === 0 ? 'it reads none' : `it reads ${restores.join(', ')}`;
  throw next.launched.error(
    'STATE_SCHEMA_UNKNOWN',
    `Version ${next.identity.version} can't take over the state: that is in schema ${state.schema}, and ${reads}.`,
    { facts: { schema: state.schema, restores } },
  );
}
