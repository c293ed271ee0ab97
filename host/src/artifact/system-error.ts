import { getSystemErrorMap } from 'node:util';

/**
 * Whether something thrown is the system's error of one of these codes. By its shape: an error of another realm is no
 * instance of this one's Error.
 */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    codes.some((code) => code === error.code)
  );
}

/** Why something could not be done, in the system's words and with its code; of an error that is not the system's its message. */
export function reasonOf(error: unknown): string {
  const code = systemCodeOf(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  const known = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return known === undefined ? code : `${known[1]} (${code})`;
}

/** What an error of the system adds to the facts of ours. */
export function systemFacts(error: unknown): { readonly systemCode?: string } {
  const systemCode = systemCodeOf(error);
  return systemCode === undefined ? {} : { systemCode };
}

/** Such as `EACCES`. By its shape, as above. */
function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}
