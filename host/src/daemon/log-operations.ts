import { PluginError } from '@plugd/protocol/plugin-error';
import type { Logger } from '../events/logger';
import type { OperationListener } from '../operation-listeners';
import { formatReport } from '../upgrade/report';

/** Logs how operations end, for `host.on('operation')`. */
export function logOperations(logger: Logger): OperationListener {
  return ({ plugin, operation, fromVersion, toVersion, handle }) => {
    handle.then(
      (report) => logger.info(formatReport(report), { plugin, version: report.to.version }),
      (error: unknown) => {
        const code = error instanceof PluginError ? error.code : undefined;
        const what = `${operation} ${fromVersion} → ${toVersion} failed`;
        logger.warn(what, { plugin, version: fromVersion, code, error: String(error) });
      },
    );
  };
}
