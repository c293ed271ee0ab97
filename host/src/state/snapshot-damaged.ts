/** What a file holds is no snapshot. The message says what is wrong with it, and nothing of what it holds. */
export class SnapshotDamaged extends Error {
  override readonly name = 'SnapshotDamaged';
}

/** The file is a snapshot in a format that this release does not know. */
export class SnapshotFormatUnknown extends Error {
  override readonly name = 'SnapshotFormatUnknown';
  readonly format: number;

  constructor(format: number) {
    super(`a snapshot of format ${format}`);
    this.format = format;
  }
}
