import { ClassicLevel } from 'classic-level';
import type { JournaledOperation } from '../../../host/src/journal/journal';
import { JournalRoom } from './journal-room';

// A write that fails may have been made all the same: the disk took it, and then said no. Nothing but a database that says so
// can show that.

let room: JournalRoom;
beforeEach(() => {
  room = new JournalRoom();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await room.remove();
});

const failed = { code: 'JOURNAL_FAILED', cause: { message: 'the disk says no' } };

/** The next write is made or not, and is said to have failed. */
function nextWriteFails(made: boolean): void {
  const batch = jest.spyOn(ClassicLevel.prototype, 'batch');
  batch.mockImplementationOnce(async function (this: ClassicLevel, ...args: unknown[]) {
    batch.mockRestore();
    if (made) await Reflect.apply(this.batch, this, args);
    throw new Error('the disk says no');
  } as never);
}

async function found(keepPerPlugin = 100): Promise<readonly JournaledOperation[]> {
  const journal = await room.next({ keepPerPlugin });
  expect(journal.problems).toEqual([]);
  return journal.operations();
}

describe.each([
  ['made all the same', true],
  ['not made', false],
])('%s', (_, made) => {
  test('a line: the next one takes its place', async () => {
    const operation = await (await room.open()).begin({ id: 'a', plugin: 'counter' });
    await operation.append(0);
    nextWriteFails(made);
    await expect(operation.append('failed')).rejects.toMatchObject(failed);
    await operation.append(1);
    await operation.append(2);
    expect(await found()).toMatchObject([{ lines: [0, 1, 2], outcome: undefined }]);
  });

  test('a line: the end comes without it', async () => {
    const operation = await (await room.open()).begin({ id: 'a', plugin: 'counter' });
    await operation.append(0);
    nextWriteFails(made);
    await expect(operation.append('failed')).rejects.toMatchObject(failed);
    await operation.end('undone');
    expect(await found()).toMatchObject([{ lines: [0], outcome: 'undone' }]);
  });

  test('a begin: the next one is another', async () => {
    const journal = await room.open();
    nextWriteFails(made);
    await expect(journal.begin({ id: 'failed', plugin: 'counter' })).rejects.toMatchObject(failed);
    const operation = await journal.begin({ id: 'a', plugin: 'counter' });
    await operation.append(0);
    expect(await found()).toMatchObject([{ head: { id: 'a' }, lines: [0] }]);
  });

  test('a line, and another operation goes on', async () => {
    const journal = await room.open();
    const one = await journal.begin({ id: 'one', plugin: 'one' });
    const other = await journal.begin({ id: 'other', plugin: 'other' });
    nextWriteFails(made);
    await expect(one.append('failed')).rejects.toMatchObject(failed);
    await other.append('other');
    expect(await found()).toMatchObject([{ lines: [] }, { lines: ['other'] }]);
  });

  test('an end that makes older operations go: the next try does', async () => {
    const journal = await room.open({ keepPerPlugin: 1 });
    for (const id of ['a', 'b']) {
      const operation = await journal.begin({ id, plugin: 'counter' });
      await operation.append(id);
      if (id === 'b') {
        nextWriteFails(made);
        await expect(operation.end('done')).rejects.toMatchObject(failed);
      }
      await operation.end('done');
    }
    expect(await found(1)).toMatchObject([{ head: { id: 'b' }, lines: ['b'], outcome: 'done' }]);
  });

  test('one after the other', async () => {
    const operation = await (await room.open()).begin({ id: 'a', plugin: 'counter' });
    nextWriteFails(made);
    await expect(operation.append('failed')).rejects.toMatchObject(failed);
    nextWriteFails(!made);
    await expect(operation.append('failed')).rejects.toMatchObject(failed);
    await operation.append(0);
    expect(await found()).toMatchObject([{ lines: [0] }]);
  });

  test('the last thing that happens: at most that is there beside', async () => {
    const operation = await (await room.open()).begin({ id: 'a', plugin: 'counter' });
    await operation.append(0);
    nextWriteFails(made);
    await expect(operation.append('failed')).rejects.toMatchObject(failed);
    expect(await found()).toMatchObject([{ lines: made ? [0, 'failed'] : [0] }]);
  });
});
