import { PluginError } from '@plugd/protocol/plugin-error';

/**
 * A daemon is asked and told on unix sockets, which only its user can connect to. Node has none on Windows: what has their place
 * there is open to others.
 *
 * Throws PluginError PLATFORM_UNSUPPORTED.
 */
export function checkDaemonPlatform(platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'win32') return;
  throw new PluginError('PLATFORM_UNSUPPORTED', 'There is no daemon for Windows yet.', {
    facts: { platform, platforms: ['linux', 'darwin'] },
    hint: 'An application with a host of its own (createHost, also with pluginsDir) runs plugins there.',
  });
}
