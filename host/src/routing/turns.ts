/** How long a turn lasts at most, in milliseconds, if others wait for theirs. */
const turnLimitMs = 250;

/**
 * Lets calls go one at a time. A call that was begun several times and was lost with its process each time may be
 * what ended the processes, or may have been beside the one that did: alone it can only end itself. Whose call lasts
 * longer than a turn has not ended its process at once; then the others need not wait for it.
 */
export class Turns<Call> {
  private holder: Call | undefined;
  private late = false;
  private timer: NodeJS.Timeout | undefined;

  /** @param onFree the turn is over, or has lasted too long: others may go */
  constructor(private readonly onFree: () => void) {}

  /** Whether the call may go now. If so it has to {@link end} its turn. */
  take(call: Call): boolean {
    if (this.late || this.holder === call) return true;
    if (this.holder !== undefined) return false;
    this.holder = call;
    this.timer = setTimeout(() => {
      this.late = true;
      this.onFree();
    }, turnLimitMs).unref();
    return true;
  }

  /** The call has come to its end, or can't be what ends processes. */
  end(call: Call): void {
    if (this.holder !== call) return;
    clearTimeout(this.timer);
    this.holder = undefined;
    this.late = false;
    this.onFree();
  }
}
