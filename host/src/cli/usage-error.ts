/** The command was asked for wrongly; says how, in words for the one who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
