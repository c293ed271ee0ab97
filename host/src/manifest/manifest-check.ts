import type { InstanceCheck } from '../upgrade/verify';
import type { Manifest } from './manifest';

/** What a manifest promises of the version, to be held against what runs; undefined: nothing. */
export function manifestCheck(_manifest: Manifest): InstanceCheck | undefined {
  return undefined;
}
