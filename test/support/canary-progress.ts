import type { OperationHandle, OperationProgress } from '@plugd/host';
import type { CanaryBook } from './canary-book';

/** The new one's share of new calls, where this progress tells of it. */
function shareOf({ shift }: OperationProgress): number | undefined {
  return shift?.percentNew;
}

/** Turns the book's pages as the shares change, until the operation ends. */
export async function turnPages(handle: OperationHandle, book: CanaryBook): Promise<void> {
  for await (const progress of handle) {
    book.page = shareOf(progress) ?? book.page;
    if (progress.step === 'swap' && progress.phase === 'done') book.page = 100;
    // From here on the share is whatever is left while it is taken back.
    if (progress.phase === 'failed') book.page = Number.NaN;
  }
}

/** Resolves when so many percent of the new calls go to the new one; rejects if the operation ends before. */
export async function reachesShare(handle: OperationHandle, percent: number): Promise<void> {
  for await (const progress of handle) {
    if ((shareOf(progress) ?? 0) >= percent) return;
  }
  throw new Error(`the operation ended before ${percent} % of the calls went to the new one`);
}
