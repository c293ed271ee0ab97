/** What one stream of an instance has carried since its start. The numbers only grow. */
export interface OutputCounters {
  /** That became records; an over-long line counts once for each of its pieces. */
  readonly lines: number;
  /** Of these lines. */
  readonly bytes: number;
  /** That were thrown away because there were too many for the log. */
  readonly droppedLines: number;
  readonly droppedBytes: number;
  /** For how long the stream was not read, in milliseconds, so that the plugin had to wait in its writes. */
  readonly heldMs: number;
}

export const noOutput: OutputCounters = { lines: 0, bytes: 0, droppedLines: 0, droppedBytes: 0, heldMs: 0 };

export function addOutput(a: OutputCounters, b: OutputCounters): OutputCounters {
  return {
    lines: a.lines + b.lines,
    bytes: a.bytes + b.bytes,
    droppedLines: a.droppedLines + b.droppedLines,
    droppedBytes: a.droppedBytes + b.droppedBytes,
    heldMs: a.heldMs + b.heldMs,
  };
}
