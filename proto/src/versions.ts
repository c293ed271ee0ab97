import { atoi } from './atoi';
import { PluginError } from './plugin-error';

/** What PLUGIN_PROTOCOL_VERSIONS said: the versions, and the items that are no integers, as they stood. */
export interface VersionList {
  readonly versions: readonly number[];
  readonly rejected: readonly string[];
}

/** The value of PLUGIN_PROTOCOL_VERSIONS: decimal integers, separated by commas, no spaces. */
export function formatVersionList(versions: readonly number[]): string {
  return versions.join(',');
}

/**
 * Reads PLUGIN_PROTOCOL_VERSIONS. Items are not trimmed: go-plugin rejects ` 2`, and so do we. An unset or
 * empty variable, as a host from before version negotiation leaves it, is an empty list.
 */
export function parseVersionList(text: string | undefined): VersionList {
  const versions: number[] = [];
  const rejected: string[] = [];
  for (const item of text === undefined || text === '' ? [] : text.split(',')) {
    const version = atoi(item);
    if (version === undefined) rejected.push(item);
    else versions.push(version);
  }
  return { versions, rejected };
}

/**
 * The version that a plugin announces: the highest of its own that the host offered. Without one in common
 * it is the lowest of its own, announced all the same: the host then refuses it and can name both sides.
 *
 * @throws PluginError OPTIONS_INVALID if `own` is empty.
 */
export function negotiateVersion(own: readonly number[], offered: readonly number[] | undefined): number {
  const [lowest, ...higher] = [...own].sort((a, b) => a - b);
  if (lowest === undefined) {
    throw new PluginError('OPTIONS_INVALID', 'The plugin speaks no protocol version.', {
      facts: { option: 'handshake.protocolVersions' },
      hint: 'Name at least one in handshake.protocolVersions.',
    });
  }
  return [lowest, ...higher].findLast((version) => offered?.includes(version)) ?? lowest;
}
