import { altered, before, type Seeded, without, withoutUndo } from './seeded';
import { type Choice, callChoices, handoffChoice } from './settings';
import { shiftBugs } from './shift-mutations';

const overlap: Choice = { ...handoffChoice, strategy: 'overlap', stateful: false, exclusive: false };
const recreate: Choice = { ...handoffChoice, strategy: 'recreate', exclusive: false };
const stale = /lacks what others did|has not the newest state/;

const directBugs: readonly Seeded[] = [
  {
    name: 'lost: the state is not given to the new one',
    choice: handoffChoice,
    mutation: { rows: without('restore', 'check') },
    found: stale,
  },
  {
    name: 'double: the old one works on while its state moves',
    choice: handoffChoice,
    mutation: { rows: without('quiesce', 'pause') },
    found: /lacks what others did|the loop ended the old one, and its state is lost/,
  },
  {
    name: 'double: the snapshot is taken before the pause',
    choice: handoffChoice,
    mutation: { rows: (rows) => before('hold', 'snapshot')(rows) },
    found: /lacks what others did|finds a difference|its state is lost/,
  },
  {
    name: 'stale: what bakes badly is undone though it answered calls',
    choice: handoffChoice,
    mutation: { rows: altered('bake', { onFailure: 'undo' }) },
    found: /its state is lost|lacks what others did/,
  },
  {
    name: 'a restored state is not checked',
    choice: handoffChoice,
    mutation: { rows: without('check') },
    found: /a state that nobody was given|has not the newest state/,
  },
  {
    name: 'calls are let go before the new one is activated',
    choice: handoffChoice,
    mutation: { rows: before('activate', 'release-calls') },
    found: /was not activated/,
  },
  {
    name: 'activated before the old one has let go of what is exclusive',
    choice: handoffChoice,
    mutation: { rows: before('release', 'activate') },
    found: /both have/,
  },
  {
    name: 'nothing undoes pause and release',
    choice: handoffChoice,
    mutation: { rows: withoutUndo('resume') },
    found: /never answered|is paused|without what it let go of/,
  },
  {
    name: 'resume does not take again what was released',
    choice: handoffChoice,
    mutation: { world: { resumeTakesAgain: false } },
    found: /without what it let go of/,
  },
  {
    name: 'the old one goes on before a new one is gone that may have begun',
    choice: handoffChoice,
    mutation: { rows: withoutUndo('end-new', 'activate') },
    found: /both have/,
  },
  {
    name: 'a failed handoff leaves its calls held',
    choice: handoffChoice,
    mutation: { rows: withoutUndo('let-go') },
    found: /never answered|held after the end/,
  },
  {
    name: 'the route is not swapped back',
    choice: handoffChoice,
    mutation: { rows: withoutUndo('swap-back') },
    found: /does not lead to the old one|was not activated/,
  },
  {
    name: 'a failed operation leaves its new process',
    choice: overlap,
    mutation: { rows: withoutUndo('end-new') },
    found: /new one is left running/,
  },
  {
    name: 'the old one is never stopped',
    choice: overlap,
    mutation: { rows: without('stop') },
    found: /old one is left running/,
  },
  {
    name: 'the old one is told to leave, and then called again',
    choice: overlap,
    mutation: { rows: before('bake', 'drain') },
    found: /told to leave/,
  },
  {
    name: 'undone in the order in which it was done',
    choice: recreate,
    mutation: { controller: { undoInReverse: false } },
    found: /told to leave|runs twice/,
  },
  {
    name: 'the new one is started before the old one has stopped',
    choice: recreate,
    mutation: { rows: before('stop', 'start') },
    found: /runs twice/,
  },
  {
    name: 'the old process is stopped before its state is kept',
    choice: recreate,
    mutation: { rows: before('pause', 'stop') },
    found: /its state is lost/,
  },
  {
    name: 'a pause that comes late takes effect after the resume',
    choice: handoffChoice,
    mutation: { world: { lifecycleInOrder: false } },
    found: /never answered|is paused|without what it let go of/,
  },
  {
    name: 'the supervisor replaces an old one that crashes while it is held',
    choice: handoffChoice,
    mutation: { world: { noReplacementWhileHeld: false } },
    found: /lacks what others did|has not the newest state|both have/,
  },
  {
    name: 'the supervisor replaces a new one that crashes before calls go to it',
    choice: handoffChoice,
    mutation: { world: { noReplacementOfNew: false } },
    found: /lacks what others did|has not the newest state|both have/,
  },
  {
    name: 'descendants of calls in flight are held',
    // Without a fault no limit ends the lock.
    choice: { ...handoffChoice, calls: callChoices.writeAndDescendant, faults: 0 },
    mutation: { world: { descendantsPass: false } },
    found: /waits for what never comes|never answered/,
  },
  {
    name: 'what a read makes goes to the paused one',
    choice: { ...handoffChoice, calls: callChoices.readerThatWrites },
    mutation: { world: { readersPassOnlyReads: false } },
    found: /waits for what never comes|never answered/,
  },
  {
    name: 'a restarted host forgets the old one',
    choice: handoffChoice,
    mutation: { world: { recovery: 'forgets' } },
    found: /serves nothing/,
  },
  {
    name: 'a restarted host forgets the snapshot',
    choice: handoffChoice,
    mutation: { world: { recovery: 'without-snapshot' } },
    found: stale,
  },
  {
    name: 'undoing is not written down',
    choice: overlap,
    mutation: { controller: { journalUndos: false } },
    found: /serves with what was refused/,
  },
  {
    name: 'a step is written down after it is done',
    choice: handoffChoice,
    mutation: { controller: { lineFirst: false } },
    found: /forgets that the new one answered calls/,
  },
  {
    name: 'a restarted host goes back once calls were let go',
    choice: handoffChoice,
    mutation: { rows: altered('bake', { onRestart: 'undo' }) },
    found: /forgets that the new one answered calls/,
  },
];

export const seededBugs: readonly Seeded[] = [...directBugs, ...shiftBugs];
