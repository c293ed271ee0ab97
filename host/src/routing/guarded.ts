/**
 * For whoever hears of calls on their path, and must not be able to harm them: what it throws, or what a promise of it is
 * rejected with, is told the first time, and stops nothing.
 */
export function guarded<Args extends readonly unknown[]>(
  hear: (...args: Args) => void,
  onFailure: (error: unknown, ...args: Args) => void,
): (...args: Args) => void {
  let failed = false;
  const fail = (error: unknown, args: Args): void => {
    if (failed) return;
    failed = true;
    onFailure(error, ...args);
  };
  return (...args) => {
    try {
      const returned: unknown = hear(...args);
      if (returned instanceof Promise) returned.catch((error: unknown) => fail(error, args));
    } catch (error) {
      fail(error, args);
    }
  };
}
