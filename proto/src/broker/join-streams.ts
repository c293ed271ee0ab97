import type { Duplex } from 'node:stream';

/** Each one's bytes go to the other, and the end of one ends the other: half by half, or at once if it broke. */
export function joinStreams(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  follow(one, other);
  follow(other, one);
}

function follow(leader: Duplex, follower: Duplex): void {
  leader.on('error', () => {});
  leader.once('close', () => {
    // After an orderly end the last bytes are still on their way.
    if (leader.readableEnded && !leader.errored && !follower.writableFinished && !follower.destroyed) {
      follower.once('finish', () => follower.destroy());
    } else {
      follower.destroy();
    }
  });
}
