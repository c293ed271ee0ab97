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
