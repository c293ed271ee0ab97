import { errorFields, type Logger } from '../logger';

/** What nobody caught is logged before the process ends with exit code 1; the handlers of `exit` still run. */
export function handleCrashes(log: Logger): void {
  process.on('uncaughtException', (error: unknown, origin) => {
    log.error('plugin crashed', { origin, ...errorFields(error) });
    process.exit(1);
  });
}
