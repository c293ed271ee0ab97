import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { crc32c } from '../../../host/src/journal/crc32c';
import { isWhole } from '../../../host/src/journal/level-check';
import { LevelDirectory } from '../../../host/src/journal/level-directory';
import { readLog } from '../../../host/src/journal/level-log';
import { readManifest } from '../../../host/src/journal/level-manifest';
import { salvageRecords } from '../../../host/src/journal/level-salvage';
import { readTable } from '../../../host/src/journal/level-table';
import { SeededRandom } from '../../support/seeded-random';
import { JournalRoom } from './journal-room';

// LevelDB's files, which we read ourselves: to know that they are whole before it opens them, and of damaged ones what is left.

let room: JournalRoom;
beforeEach(() => {
  room = new JournalRoom();
});
afterEach(() => room.remove());

interface Writing {
  readonly records: number;
  /** The length of a value, at most. */
  readonly length: number;
  readonly compression: boolean;
}

/** Records in tables, of which some are in a deeper level, and in a log; some were written twice, and some removed. */
async function write(random: SeededRandom, { records, length, compression }: Writing): Promise<string> {
  const path = join(room.root, 'level');
  for (let time = 0; time < 3; time++) {
    const level = new ClassicLevel<string, string>(path, { compression });
    for (let count = 0; count < records; count++) {
      const key = `key/${random.below(records)}`;
      const value = `${random.next()} `.repeat(1 + random.below(length / 20)).slice(0, random.below(length));
      await (random.below(8) === 0 ? level.del(key) : level.put(key, value));
    }
    if (time === 0) await level.compactRange('', '~');
    await level.close();
  }
  return path;
}

const filesOf = (path: string, kind: RegExp) =>
  readdirSync(path)
    .filter((name) => kind.test(name))
    .map((name) => readFileSync(join(path, name)));

test('the sum is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
});

test.each([
  { records: 200, length: 100, compression: true },
  { records: 60, length: 50_000, compression: true },
  { records: 60, length: 5000, compression: false },
])('what LevelDB reads we read, and find it whole: %j', async (writing) => {
  const random = new SeededRandom();
  await random.during(async () => {
    const path = await write(random, writing);
    const directory = await LevelDirectory.list(path);
    expect(await isWhole(directory)).toBe(true);
    const ours = await salvageRecords(directory);
    const level = new ClassicLevel<string, string>(path);
    const theirs = await level.iterator().all();
    await level.close();
    expect(theirs.length).toBeGreaterThan(20);
    expect(ours).toEqual(theirs);
  });
});

/** Says of each place whether a bit of it may be another without being noticed. */
function unnoticed(bytes: Buffer, isRight: (changed: Buffer) => boolean): number[] {
  const places: number[] = [];
  for (let place = 0; place < bytes.length; place++) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(place) ^ (1 << (place % 8)), place);
    if (isRight(changed)) places.push(place);
  }
  return places;
}

test('whichever byte of a table, a log or a manifest has another bit, it is noticed', async () => {
  const random = new SeededRandom();
  await random.during(async () => {
    const path = await write(random, { records: 40, length: 100, compression: true });
    for (const table of filesOf(path, /\.ldb$/)) {
      const places = unnoticed(table, (changed) => readTable(changed).whole);
      // Between the places of the blocks, which may be written in two ways, and the magic number there is what means nothing.
      expect(places.filter((place) => place < table.length - 48 || place >= table.length - 8)).toEqual([]);
    }
    for (const log of filesOf(path, /\.log$/)) {
      const { records } = readLog(log);
      expect(records.length).toBeGreaterThan(30);
      expect(unnoticed(log, (changed) => readLog(changed).whole)).toEqual([]);
    }
    for (const manifest of filesOf(path, /^MANIFEST/))
      expect(unnoticed(manifest, (changed) => readManifest(changed) !== undefined)).toEqual([]);
  });
});

test('a log that was cut anywhere, or ends with zeros, is whole up to there', async () => {
  const path = await write(new SeededRandom(), { records: 40, length: 8000, compression: true });
  const log = filesOf(path, /\.log$/)[0] ?? Buffer.alloc(0);
  expect(log.length).toBeGreaterThan(33_000);
  const { records } = readLog(log);
  for (let length = 0; length < log.length; length += 31) {
    const cut = readLog(log.subarray(0, length));
    expect(cut.whole).toBe(true);
    // Jest compares buffers number by number.
    expect(cut.records.every((record, index) => record.equals(records[index] ?? Buffer.alloc(0)))).toBe(true);
  }
  const zeros = readLog(Buffer.concat([log, Buffer.alloc(50_000)]));
  expect([zeros.whole, zeros.records.length]).toEqual([true, records.length]);
});

test('whatever the bytes are, reading them ends and throws nothing', async () => {
  const random = new SeededRandom();
  await random.during(async () => {
    const path = await write(random, { records: 40, length: 100, compression: true });
    const whole = filesOf(path, /^(\d+\.(ldb|log)|MANIFEST-.*)$/);
    for (let time = 0; time < 500; time++) {
      const bytes = Buffer.from(random.pick([Buffer.alloc(random.below(300)), ...whole]));
      const from = random.below(bytes.length + 1);
      for (let at = from; at < Math.min(bytes.length, from + 20); at++)
        bytes.writeUInt8(random.below(256), at);
      const cut = bytes.subarray(0, random.below(bytes.length + 1));
      for (const found of [bytes, cut]) {
        readTable(found);
        readLog(found);
        readManifest(found);
      }
    }
  });
});
