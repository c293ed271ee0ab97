import type { Change } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Host } from '../host';
import type { Manifest } from '../manifest/manifest';
import type { PlannedChange } from '../watch/planned-change';
import type { PluginOverrides } from '../watch/plugin-overrides';
import type { WatchedPluginStatus } from '../watch/watched-versions';
import type { ReconcilingHost } from './reconciler';

/** What the host knows of its directory of plugins; of a daemon without one, nothing. */
export class WatchedHost implements ReconcilingHost {
  readonly #host: Host;
  readonly #watches: boolean;

  constructor(host: Host, watches: boolean) {
    this.#host = host;
    this.#watches = watches;
  }

  /** By name. */
  all(): ReadonlyMap<string, WatchedPluginStatus> {
    if (!this.#watches) return new Map();
    return new Map(this.#host.versionsOnDisk().map((status) => [status.name, status]));
  }

  get(name: string): WatchedPluginStatus | undefined {
    return this.all().get(name);
  }

  /** Of what runs. */
  manifest(name: string): Manifest | undefined {
    return this.#watches ? this.#host.manifest(name) : undefined;
  }

  /** The version that one is held at; undefined: it is not pinned. */
  pin(name: string): string | undefined {
    return this.#watches ? this.#host.pins().get(name) : undefined;
  }

  plan(settings: ReadonlyMap<string, PluginOverrides>): Change[] {
    if (!this.#watches) return [];
    return this.#host.plan((name) => settings.get(name)).map(changeOf);
  }

  async reconcile(): Promise<Change[]> {
    if (!this.#watches) return [];
    return (await this.#host.reconcile()).map(changeOf);
  }
}

function changeOf({ plugin, action, from = '', to = '', reason }: PlannedChange): Change {
  return { plugin, action, from, to, reason };
}
