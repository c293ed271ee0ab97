import type { MetricsSettings } from '../config/config';
import type { Host } from '../host';
import type { LogBook } from '../logs/log-book';
import { DaemonMetrics } from '../metrics/daemon-metrics';
import { MetricsServer } from '../metrics/metrics-server';

/** A daemon's metrics, and where they are read. */
export interface MetricsDoor {
  readonly target: string;
  close(): Promise<void>;
}

/** Throws PluginError SOCKET_PATH_TOO_LONG, SOCKET_IN_USE, LISTEN_FAILED. */
export async function openMetrics(
  where: MetricsSettings,
  { host, logBook, version }: { readonly host: Host; readonly logBook: LogBook; readonly version: string },
): Promise<MetricsDoor> {
  const metrics = new DaemonMetrics({ host, version, log: logBook });
  try {
    const server = await MetricsServer.open(metrics, where, (error) => {
      logBook.logger.error('the metrics could not be put together', { error: String(error) });
    });
    const close = async () => {
      await server.close();
      metrics.close();
    };
    return { target: server.target, close };
  } catch (error) {
    metrics.close();
    throw error;
  }
}
