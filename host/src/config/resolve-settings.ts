import type { PluginOverrides } from '../watch/plugin-overrides';
import type { PluginSettings } from './config';
import { resolveEnv } from './secrets';

export interface ResolvedSettings {
  /** What the host is to run the plugin with over its manifest. */
  readonly overrides: PluginOverrides;
  /** What has to be shown nowhere. */
  readonly secrets: readonly string[];
}

/** The settings of a plugin with what stands in files. Throws PluginError SECRET_UNREADABLE, SECRET_UNSAFE. */
export async function resolveSettings(settings: PluginSettings): Promise<ResolvedSettings> {
  const { env: given, ...rest } = settings;
  if (given === undefined) return { overrides: rest, secrets: [] };
  const { env, secrets } = await resolveEnv(given);
  return { overrides: { ...rest, env }, secrets };
}
