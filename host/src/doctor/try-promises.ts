import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHost } from '../create-host';
import type { Manifest } from '../manifest/manifest';
import { manifestName } from '../manifest/manifest';
import type { PluginOverrides } from '../watch/plugin-overrides';
import type { Findings } from './finding';
import { evidence, silentLogger } from './try-start';

export interface PromisesTrial {
  readonly manifest: Manifest;
  /** A copy of its artifact. */
  readonly directory: string;
  /** Where another one is made. */
  readonly workplace: string;
  readonly overrides: PluginOverrides;
}

/**
 * Runs a version once more, as a host runs what lies in its directory: with the smoke calls of its manifest, and what it says of state and resources held
 * against what the plugin says. Nothing is done where a manifest says nothing of the kind.
 */
export async function tryPromises(findings: Findings, trial: PromisesTrial): Promise<void> {
  const { manifest, directory, workplace, overrides } = trial;
  const { name, version, env = {}, smoke = [], state, resources } = manifest;
  if (smoke.length === 0 && state === undefined && resources === undefined) return;
  const plugins = join(workplace, 'plugins');
  const place = join(plugins, name, version);
  await mkdir(place, { recursive: true });
  await cp(directory, place, { recursive: true });
  await rm(join(place, manifestName));
  await writeFile(join(place, manifestName), JSON.stringify(alone(manifest)), { mode: 0o600 });
  const { pin: _pin, enabled: _enabled, ...rest } = overrides;
  const settings = (): PluginOverrides => ({ ...rest, env, instances: 1, restart: { policy: 'never' } });
  const host = await createHost({
    logger: silentLogger,
    pluginsDir: { directory: plugins, quietMs: 0, settings },
  });
  try {
    const known = host.versionsOnDisk().find((one) => one.name === name)?.versions ?? [];
    const problem = known.find((one) => one.version === version)?.problem;
    if (problem === undefined)
      findings.ok(
        'smoke calls',
        `Of ${smoke.length} each is answered as the manifest says; so is what it says of itself.`,
      );
    else
      findings.error(problem.code === 'MANIFEST_MISMATCH' ? 'manifest' : 'smoke calls', problem, {
        details: evidence(problem),
      });
  } finally {
    await host.close();
  }
}

/** Without what it needs of others, which is looked at elsewhere, what JSON can't hold, and variables, which may be secret. */
function alone({ requires: _requires, expect: _expect, env: _env, ...manifest }: Manifest): Manifest {
  return manifest;
}
