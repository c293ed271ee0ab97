import { PluginError } from '../plugin-error';

export function sessionClosed(summary: string, cause?: unknown): PluginError {
  return new PluginError('MULTIPLEX_CLOSED', summary, cause === undefined ? {} : { cause });
}

export function sessionTimedOut(summary: string): PluginError {
  return new PluginError('MULTIPLEX_TIMEOUT', summary);
}

/** What ended a session, as its reason. */
export function sessionReason(error: unknown): PluginError {
  return error instanceof PluginError ? error : sessionClosed('The session failed.', error);
}
