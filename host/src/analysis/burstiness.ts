import { binomial, chanceFrom } from './distribution';
import type { Side } from './judgement';

interface Slot {
  calls: number;
  bad: number;
}

/** Slots of time, of which so many make an epoch. */
interface Scale {
  readonly slotMs: number;
  readonly slots: number;
}

/** Short ones for pauses of a collector, longer ones for a disk or a neighbour. */
const scales: readonly Scale[] = [
  { slotMs: 250, slots: 40 },
  { slotMs: 2_000, slots: 30 },
];

/** Bad calls of the new side have to be in so many different slots of time before they say anything. */
export interface Spread {
  readonly slotMs: number;
  readonly slots: number;
  /**
   * Where given: how likely it may at most be, if whichever process has a bad slot alone has it by the toss of a coin,
   * that the new side has so many of them. A slot is bad if more than this share of its calls is.
   */
  readonly alone?: { readonly share: number; readonly chance: number };
}

/**
 * Calls that are bad together count as one, or nearly: a pause of one process makes all of its calls slow at once, and
 * to a test that takes each for an accident of its own a single pause would be proof. This measures how much more bad
 * calls come together than accidents do: the dispersion by which Rao and Scott divide what they have counted.
 */
export class Burstiness {
  private readonly epochs = scales.map((scale) => new Epochs(scale));
  private slotsWithBad = 0;
  private lastSlot = -1;
  private slot: Record<Side, Slot> = { old: { calls: 0, bad: 0 }, new: { calls: 0, bad: 0 } };
  private slotNumber = 0;
  private alone: Record<Side, number> = { old: 0, new: 0 };

  constructor(private readonly spread: Spread) {}

  record(side: Side, bad: boolean, now: number): void {
    for (const epochs of this.epochs) epochs.record(side, bad, now);
    const number = Math.floor(now / this.spread.slotMs);
    if (number > this.slotNumber) this.turn(number);
    this.slot[side].calls += 1;
    if (!bad) return;
    this.slot[side].bad += 1;
    if (side === 'old') return;
    if (number !== this.lastSlot) this.slotsWithBad += 1;
    this.lastSlot = number;
  }

  /** How likely it is by chance, given how likely it would be of single accidents. */
  corrected(chance: number): number {
    if (!this.isSpread()) return 1;
    // So many times fewer accidents raise a small chance to the power of its inverse.
    return chance ** (1 / Math.max(...this.epochs.map((epochs) => epochs.dispersion())));
  }

  private turn(number: number): void {
    const { alone } = this.spread;
    const { old, new: next } = this.slot;
    if (alone && old.calls > 0 && next.calls > 0) {
      const [oldBad, newBad] = [old, next].map(({ calls, bad }) => bad > alone.share * calls);
      // What both have is no matter of one process.
      if (oldBad !== newBad) this.alone[newBad ? 'new' : 'old'] += 1;
    }
    this.slotNumber = number;
    this.slot = { old: { calls: 0, bad: 0 }, new: { calls: 0, bad: 0 } };
  }

  private isSpread(): boolean {
    const { slots, alone } = this.spread;
    if (this.slotsWithBad < slots) return false;
    const { old, new: next } = this.alone;
    return !alone || chanceFrom(binomial(old + next, 0.5), next) <= alone.chance;
  }
}

class Epochs {
  private epoch = 0;
  private slots: Record<Side, Slot>[] = [];
  private readonly past = { old: { squares: 0, freedom: 0 }, new: { squares: 0, freedom: 0 } };

  constructor(private readonly scale: Scale) {}

  record(side: Side, bad: boolean, now: number): void {
    const number = Math.floor(now / this.scale.slotMs);
    const epoch = Math.floor(number / this.scale.slots);
    if (epoch > this.epoch) this.turn(epoch);
    // What comes late belongs to the slot in which it came.
    const index = epoch < this.epoch ? 0 : number % this.scale.slots;
    this.slots[index] ??= { old: { calls: 0, bad: 0 }, new: { calls: 0, bad: 0 } };
    const slot = this.slots[index]?.[side];
    if (!slot) return;
    slot.calls += 1;
    if (bad) slot.bad += 1;
  }

  /** 1 for single accidents, n for bursts of n. */
  dispersion(): number {
    return Math.max(1, ...(['old', 'new'] as const).map((side) => this.dispersionOf(side)));
  }

  private dispersionOf(side: Side): number {
    const present = clustering(this.slots, side);
    const squares = this.past[side].squares + present.squares;
    const freedom = this.past[side].freedom + present.freedom;
    // Three standard deviations: accidents too come together by accident.
    return squares > freedom + 3 * Math.sqrt(2 * freedom) ? squares / freedom : 1;
  }

  private turn(epoch: number): void {
    for (const side of ['old', 'new'] as const) {
      const { squares, freedom } = clustering(this.slots, side);
      this.past[side].squares += squares;
      this.past[side].freedom += freedom;
    }
    this.epoch = epoch;
    this.slots = [];
  }
}

/** Pearson's statistic over the slots of an epoch, of what is more than expected, and its degrees of freedom. */
function clustering(slots: readonly Record<Side, Slot>[], side: Side): { squares: number; freedom: number } {
  const other = side === 'old' ? 'new' : 'old';
  const own = slots.filter((slot) => slot !== undefined && slot[side].calls > 0);
  const calls = own.reduce((sum, slot) => sum + slot[side].calls, 0);
  const bad = own.reduce((sum, slot) => sum + slot[side].bad, 0);
  if (bad === 0 || own.length < 2) return { squares: 0, freedom: 0 };
  let squares = 0;
  for (const slot of own) {
    // A burst that the other side had as well is no matter of one process: the tables take it into account.
    const rate = Math.max(bad / calls, slot[other].bad / Math.max(1, slot[other].calls));
    const expected = rate * slot[side].calls;
    const beyond = slot[side].bad - expected;
    if (beyond > 0) squares += beyond ** 2 / (expected * (1 - bad / calls));
  }
  return { squares, freedom: own.length - 1 };
}
