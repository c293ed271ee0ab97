import fc from 'fast-check';
import { ByteRing } from '../../../sdk/src/stdio/byte-ring';

const KIB = 1024;

function drain(ring: ByteRing): Buffer {
  const parts: Buffer[] = [];
  for (let part = ring.shift(); part !== undefined; part = ring.shift()) parts.push(part);
  return Buffer.concat(parts);
}

test('what goes in comes out in order, or is the end of it, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 40 * KIB }), fc.integer({ min: 0, max: 3 })), {
        maxLength: 20,
      }),
      (steps) => {
        const ring = new ByteRing(64 * KIB);
        let next = 0;
        const pushed: Buffer[] = [];
        const taken: Buffer[] = [];
        for (const [size, shifts] of steps) {
          const bytes = Buffer.from(Array.from({ length: size }, () => next++ % 251));
          pushed.push(bytes);
          ring.push(bytes);
          expect(ring.length).toBeLessThanOrEqual(64 * KIB);
          for (let i = 0; i < shifts; i++) taken.push(ring.shift() ?? Buffer.alloc(0));
        }
        taken.push(drain(ring));
        const all = Buffer.concat(pushed);
        const out = Buffer.concat(taken);
        expect(ring.pushed).toBe(all.length);
        expect(out.length + ring.dropped).toBe(all.length);
        if (ring.dropped === 0) expect(out.equals(all)).toBe(true);
        // The end is never what is dropped.
        const tail = Math.min(out.length, 16 * KIB);
        expect(out.subarray(out.length - tail).equals(all.subarray(all.length - tail))).toBe(true);
      },
    ),
  );
});

test('a write larger than the ring leaves its end', () => {
  const ring = new ByteRing(32 * KIB);
  const bytes = Buffer.from(Array.from({ length: 100 * KIB }, (_, i) => i % 251));
  ring.push(bytes);
  const rest = drain(ring);
  expect(rest.length).toBeGreaterThanOrEqual(16 * KIB);
  expect(rest.length).toBeLessThanOrEqual(32 * KIB);
  expect(rest.equals(bytes.subarray(bytes.length - rest.length))).toBe(true);
  expect(ring.dropped).toBe(bytes.length - rest.length);
});

test('bytes that were taken are not changed by later ones', () => {
  const ring = new ByteRing(32 * KIB);
  ring.push(Buffer.from('first'));
  const first = ring.shift();
  ring.push(Buffer.from('second'));
  expect(first?.toString()).toBe('first');
  expect(drain(ring).toString()).toBe('second');
});

test('a million small writes share their blocks', () => {
  const ring = new ByteRing(1024 * KIB);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 1_000_000; i++) ring.push(Buffer.from([i & 255]));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * KIB);
  expect(ring.length).toBe(1_000_000);
  expect(drain(ring).length).toBe(1_000_000);
});

test('the age of the ring is that of its oldest bytes', () => {
  const ring = new ByteRing(32 * KIB);
  expect(ring.age).toBe(Number.POSITIVE_INFINITY);
  ring.push(Buffer.from('a'), 5);
  ring.push(Buffer.from('b'), 6);
  expect(ring.age).toBe(5);
  ring.shift();
  expect(ring.age).toBe(Number.POSITIVE_INFINITY);
  ring.push(Buffer.from('c'), 7);
  expect(ring.age).toBe(7);
});
