import type { AuditRecord } from '../admin/admin-backend';
import type { ArtifactEvent, HostEvent } from '../events/host-event';

/** What the directory of plugins and the config have changed, beside what clients have: for the record of changes. */
export class OwnChanges {
  readonly #audit: (record: AuditRecord) => void;
  /** What is being run by other settings, by plugin and version. */
  readonly #configuring = new Set<string>();

  constructor(audit: (record: AuditRecord) => void) {
    this.#audit = audit;
  }

  /** For `host.on('event')`. */
  readonly observe = (event: HostEvent): void => {
    if (event.type !== 'artifact') return;
    const { phase, plugin, version, cause } = event;
    const bySettings = this.#isBySettings(event);
    if (phase !== 'running' && phase !== 'failed' && phase !== 'removed') return;
    const [client, put, remove] = bySettings
      ? (['config', 'configure', 'stop'] as const)
      : (['directory', 'put', 'remove'] as const);
    const outcome = phase === 'failed' ? (cause.code ?? 'failed') : 'done';
    const verb = phase === 'removed' ? remove : put;
    this.#audit({ client, verb, plugin, parameters: { version }, outcome });
  };

  /** A failure says what went wrong, and not what was wanted. */
  #isBySettings({ phase, plugin, version, cause }: ArtifactEvent): boolean {
    const key = `${plugin}/${version}`;
    const begun = this.#configuring.delete(key);
    const settings = cause.reason === 'settings';
    if (phase === 'loading' && settings) this.#configuring.add(key);
    return phase === 'failed' ? begun : settings;
  }
}
