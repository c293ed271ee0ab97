import type { Readable, Writable } from 'node:stream';

const PREFIX = 4;

/** The messages that the suite sends a program: each behind its length, four bytes, the highest first. */
export async function* readFrames(input: Readable): AsyncGenerator<Buffer, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of input) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= PREFIX) {
      const end = PREFIX + rest.readUInt32BE(0);
      if (rest.length < end) break;
      yield rest.subarray(PREFIX, end);
      rest = rest.subarray(end);
    }
  }
}

/** Sends the suite a message in the same form. */
export function writeFrame(output: Writable, message: Uint8Array): void {
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(message.length, 0);
  output.write(Buffer.concat([prefix, message]));
}
