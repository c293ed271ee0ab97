import {
  DEFAULT_MAX_PORT,
  DEFAULT_MIN_PORT,
  PLUGD_TOKEN,
  pluginEnvironment,
  scrubEnvironment,
} from '@plugd/protocol/environment';
import type { LaunchSpec } from './launch-spec';
import { resourceVariables } from './resource-variables';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The whole environment of a plugin: what is inherited, over it what the caller gave, over it what the wire needs
 * and what the host keeps for it.
 * `ignoreCase`: names that differ only in case are one, as Windows has it.
 */
export function processEnvironment(
  spec: LaunchSpec,
  place: { readonly directory: string; readonly token: string },
  own: Environment,
  ignoreCase: boolean,
): Record<string, string> {
  const wire = pluginEnvironment({
    cookie: spec.cookie,
    protocolVersions: spec.protocolVersions,
    minPort: spec.minPort ?? DEFAULT_MIN_PORT,
    maxPort: spec.maxPort ?? DEFAULT_MAX_PORT,
    multiplex: spec.multiplex,
    clientCertificate: spec.certificate?.certificatePem,
    unixSocketGroup: spec.unixSocketGroup === undefined ? undefined : String(spec.unixSocketGroup),
    unixSocketDir: place.directory,
  });
  const layers = [
    spec.inheritEnv ? scrubEnvironment(own) : {},
    spec.env,
    wire,
    resourceVariables(spec, place.directory),
    { [PLUGD_TOKEN]: place.token },
  ];
  return ignoreCase ? mergeIgnoringCase(layers) : Object.assign({}, ...layers);
}

function mergeIgnoringCase(layers: readonly Readonly<Record<string, string>>[]): Record<string, string> {
  const merged = new Map<string, [name: string, value: string]>();
  for (const layer of layers)
    for (const [name, value] of Object.entries(layer)) merged.set(name.toUpperCase(), [name, value]);
  return Object.fromEntries(merged.values());
}
