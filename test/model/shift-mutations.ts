import { altered, before, type Seeded, without, withoutUndo } from './seeded';
import { type Choice, shiftChoice } from './settings';

// Bugs of the strategies by which both versions share the calls, in the table, in the loop, and in what is done for them.

const calls = [{ writes: true }];
const canary: Choice = { ...shiftChoice('canary'), calls, faults: 1 };
const rolling: Choice = { ...shiftChoice('rolling'), calls, faults: 1 };
const withoutSurge: Choice = { ...shiftChoice('rolling without surge'), calls, faults: 1 };
const blueGreen: Choice = { ...shiftChoice('blue-green'), calls, faults: 1 };
const shadow: Choice = { ...shiftChoice('shadow'), calls, faults: 1 };
const notWaited = /calls that nobody waited for/;
const fewer = /the old one has fewer instances/;

export const shiftBugs: readonly Seeded[] = [
  {
    name: 'nothing undoes the shift: both stay in the route',
    choice: canary,
    mutation: { rows: withoutUndo('shift-back') },
    found: /both are in the route|calls that nobody waited for/,
  },
  {
    name: 'nothing undoes the shift: what has left of the old one stays away',
    choice: { ...rolling, calls: [] },
    mutation: { rows: withoutUndo('shift-back'), world: { unshares: false } },
    found: /both are in the route|nobody else is in the route|fewer instances/,
  },
  {
    name: 'nothing undoes the shift: the strategy goes on seeing calls',
    choice: shadow,
    mutation: { rows: withoutUndo('shift-back') },
    found: /sees calls after the end/,
  },
  {
    name: 'the shift is undone after the new one was ended',
    choice: withoutSurge,
    mutation: { rows: withoutUndo('shift-back', 'shift') },
    found: notWaited,
  },
  {
    name: 'the shift is undone before the swap is',
    choice: blueGreen,
    mutation: {
      rows: (rows) => altered('shift', { undo: 'swap-back' })(altered('swap', { undo: 'shift-back' })(rows)),
    },
    found: /is told to leave, and calls go to it/,
  },
  {
    name: 'nothing undoes that room was made',
    choice: withoutSurge,
    mutation: { rows: withoutUndo('shift-back', 'make-room') },
    found: fewer,
  },
  {
    name: 'room is made by sending away the only one',
    choice: { ...withoutSurge, shift: { instances: 1, first: 1, shares: ['all'], taps: false } },
    mutation: {},
    found: /nothing of the old one is left/,
  },
  {
    name: 'the swap is not undone',
    choice: blueGreen,
    mutation: { rows: withoutUndo('swap-back') },
    found: /is told to leave, and calls go to it|calls that nobody waited for/,
  },
  {
    name: 'undone in the order in which it was done, with both in the route',
    choice: canary,
    mutation: { controller: { undoInReverse: false } },
    found: notWaited,
  },
  {
    name: 'a new one that shared calls is left running',
    choice: canary,
    mutation: { rows: withoutUndo('end-new') },
    found: /new one is left running/,
  },
  {
    name: 'where nothing of the old one starts, nothing is done instead',
    choice: rolling,
    mutation: { controller: { elseUndo: false } },
    found: /nothing of the old one is left/,
  },
  {
    name: 'where nothing of the old one starts, it is told and no more',
    choice: rolling,
    mutation: { world: { failsWithoutOld: false } },
    found: /nothing of the old one is left/,
  },
  {
    name: 'the share is kept after it was undone',
    choice: canary,
    mutation: { world: { unshares: false } },
    found: /both are in the route after the end|calls that nobody waited for/,
  },
  {
    name: 'what has left of the old one is not started again',
    choice: withoutSurge,
    mutation: { world: { refills: false } },
    found: /fewer instances|nothing of the old one is left/,
  },
  {
    name: 'nobody says that a part of the old one is missing',
    choice: withoutSurge,
    mutation: { world: { tellsOfMissing: false } },
    found: fewer,
  },
  {
    name: 'what was sent away is taken for lost',
    choice: { ...rolling, faults: 0 },
    mutation: { world: { refillsFirst: false } },
    found: /started anew without a fault|a call fails without a fault/,
  },
  {
    name: 'the new one gives its instances back before the route leads to the old one',
    choice: withoutSurge,
    mutation: { world: { swapsBackFirst: false } },
    found: /all of the new one has left/,
  },
  {
    name: 'the new one is ended while it has calls',
    choice: canary,
    mutation: { world: { drainsNew: false } },
    found: notWaited,
  },
  {
    name: 'a strategy that is late still shares calls',
    choice: canary,
    mutation: { world: { lateStrategyRefused: false } },
    found: /both are in the route|calls that nobody waited for/,
  },
  {
    name: 'the old one keeps its part after the swap',
    choice: canary,
    mutation: { world: { swapEndsShare: false } },
    found: /on the old one after the swap/,
  },
  {
    name: 'calls are shared before the new one is proved',
    choice: canary,
    mutation: { rows: before('health', 'shift') },
    found: /not proved/,
  },
  {
    name: 'calls are shared after the swap',
    choice: canary,
    mutation: { rows: before('shift', 'swap') },
    found: /on the old one after the swap/,
  },
  {
    name: 'the old one is drained before the swap',
    choice: blueGreen,
    mutation: { rows: before('swap', 'drain') },
    found: /told to leave/,
  },
  {
    name: 'the old one is stopped before the swap',
    choice: blueGreen,
    mutation: { rows: before('swap', 'stop') },
    found: /is stopped before the swap/,
  },
  {
    name: 'the old one is told to leave while the new one bakes beside it',
    choice: blueGreen,
    mutation: { rows: before('bake', 'drain') },
    found: /told to leave/,
  },
  {
    name: 'the old one that shared calls is never stopped',
    choice: canary,
    mutation: { rows: without('stop') },
    found: /old one is left running/,
  },
  {
    name: 'what fails in the shift is passed over',
    choice: canary,
    mutation: { rows: altered('shift', { onFailure: 'go-on' }) },
    found: /is not undone|given up by hand, and done|fewer instances than it is to have/,
  },
  {
    name: 'what fails in a bake of its own is passed over',
    choice: blueGreen,
    mutation: { rows: altered('bake', { onFailure: 'go-on' }) },
    found: /is not undone|given up by hand, and done/,
  },
  {
    name: 'it is given up when it is too late, and nobody is told',
    choice: { ...canary, bake: false },
    mutation: { world: { givesUpInTime: false } },
    found: /is not undone|given up by hand, and done/,
  },
  {
    name: 'a restarted host promotes what was still on trial',
    choice: canary,
    mutation: { rows: altered('shift', { onRestart: 'finish' }) },
    found: /not proved/,
  },
  {
    name: 'a restarted host begins with the new one where room was made for it',
    choice: withoutSurge,
    mutation: { rows: altered('make-room', { onRestart: 'finish' }) },
    found: /not proved/,
  },
  {
    name: 'a restarted host goes back in a bake beside the old one',
    choice: blueGreen,
    mutation: { rows: altered('bake', { onRestart: 'undo' }) },
    found: /forgets that the new one answered calls/,
  },
  {
    name: 'undoing a shift is not written down',
    choice: { ...blueGreen, faults: 2 },
    mutation: { controller: { journalUndos: false } },
    found: /serves with what was refused/,
  },
  {
    name: 'a swap after a shift is written down after it is done',
    choice: blueGreen,
    mutation: { controller: { lineFirst: false } },
    found: /forgets that the new one answered calls/,
  },
];
