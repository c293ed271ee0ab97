import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationJournal, type OperationJournalOptions } from '../../../host/src/journal/operation-journal';

/** A directory with a journal, which one host after the other opens. */
export class JournalRoom {
  readonly root = mkdtempSync(join(tmpdir(), 'plugd-journal-'));
  readonly directory = join(this.root, 'journal');
  readonly database = join(this.directory, 'db');
  #open: OperationJournal[] = [];

  async open(options: Partial<OperationJournalOptions> = {}): Promise<OperationJournal> {
    const journal = await OperationJournal.open({ directory: this.directory, ...options });
    this.#open.push(journal);
    return journal;
  }

  /** As after the end of the host before it. */
  async next(options: Partial<OperationJournalOptions> = {}): Promise<OperationJournal> {
    await this.close();
    return this.open(options);
  }

  async close(): Promise<void> {
    for (const journal of this.#open.splice(0)) await journal.close();
  }

  async remove(): Promise<void> {
    await this.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}
