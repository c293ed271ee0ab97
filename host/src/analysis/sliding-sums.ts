import type { Side } from './judgement';

export type SideSums = Readonly<Record<Side, number>>;

interface Slot {
  number: number;
  readonly sums: Record<Side, number>;
}

const SLOTS = 60;

/** Sums of both sides over the last while, to a sixtieth of it. */
export class SlidingSums {
  private readonly slots: Slot[] = [];
  private readonly slotMs: number;

  constructor(windowMs: number) {
    this.slotMs = windowMs / SLOTS;
  }

  add(side: Side, value: number, now: number): void {
    const number = Math.floor(now / this.slotMs);
    const index = number % SLOTS;
    const slot = this.slots[index];
    if (slot?.number === number) slot.sums[side] += value;
    // What comes later than a whole window counts no more.
    else if (!slot || slot.number < number) {
      this.slots[index] = { number, sums: { old: 0, new: 0, [side]: value } };
    }
  }

  /** Of the whole window, or of a part of it: `from` and `to` are shares of it, 0 is its begin and 1 is now. */
  sums(now: number, from = 0, to = 1): SideSums {
    const last = Math.floor(now / this.slotMs);
    const first = last - SLOTS + 1;
    const sums = { old: 0, new: 0 };
    for (const slot of this.slots) {
      if (!slot || slot.number < first + from * SLOTS || slot.number >= first + to * SLOTS) continue;
      sums.old += slot.sums.old;
      sums.new += slot.sums.new;
    }
    return sums;
  }
}
