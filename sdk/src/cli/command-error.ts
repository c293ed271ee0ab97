/** Why a command ended without its result, in words for the one who typed it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  /** @param exitCode 1: it could not be done; 2: it was asked for wrongly */
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The system's own words for what went wrong with a file, without its code and path. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, words] = /^[A-Z0-9_]+: (.+?), /.exec(error.message) ?? [];
  return words ?? error.message;
}
