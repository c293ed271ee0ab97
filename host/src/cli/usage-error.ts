/** The command was asked for wrongly; says how, in words for the one who typed it. The exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
