import { PluginError } from '@plugd/protocol/plugin-error';
import type { HostEvent } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { BegunOperation } from '../upgrade/operation-handle';
import { formatReport } from '../upgrade/report';

/** Logs what becomes of plugins, for who reads the log alone. What goes wrong with their processes the host logs itself. */
export class ToldPlugins {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** For `host.on('event')`. */
  readonly observe = (event: HostEvent): void => {
    if (event.type !== 'plugin') return;
    const { plugin, version, generation, to, cause } = event;
    if (to === 'starting' || to === 'stopping') return;
    const level = to === 'failed' ? 'error' : to === 'restarting' ? 'warn' : 'info';
    const { reason, message, code } = cause;
    this.#logger[level](`the plugin is ${to}`, {
      plugin,
      version,
      generation,
      reason,
      code,
      because: message,
    });
  };

  /** For `host.on('operation')`. */
  readonly begun = ({ plugin, operation, fromVersion, toVersion, handle }: BegunOperation): void => {
    handle.then(
      (report) => this.#logger.info(formatReport(report), { plugin, version: report.to.version }),
      (error: unknown) => {
        const code = error instanceof PluginError ? error.code : undefined;
        const what = `${operation} ${fromVersion} → ${toVersion} failed`;
        this.#logger.warn(what, { plugin, version: fromVersion, code, error: String(error) });
      },
    );
  };
}
