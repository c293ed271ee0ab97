import type { Platform } from './platform';
import { PosixPlatform } from './posix';
import { WindowsPlatform } from './windows';

/** The side of the {@link Platform} that fits this machine. */
export function selectPlatform(system: NodeJS.Platform = process.platform): Platform {
  return system === 'win32' ? new WindowsPlatform() : new PosixPlatform({ name: system });
}
