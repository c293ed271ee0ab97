/**
 * Whether something thrown is the system's error of that code. By its shape: an error of another realm is no instance of
 * this one's Error.
 */
export function isSystemError(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
