/**
 * A test that does next to nothing but wait: it begins with the first of its file, and ends in its place. To be the last of a
 * file, outside of any `describe`; what it needs it has for itself.
 */
export function besides(what: string, task: () => Promise<void>, timeoutMs?: number): void {
  let outcome: Promise<void> | undefined;
  beforeAll(() => {
    outcome = task();
    outcome.catch(() => {});
  });
  afterAll(async () => {
    // Where the test itself was left out nobody else waits for it.
    await outcome?.catch(() => {});
  });
  test(what, async () => outcome, timeoutMs);
}
