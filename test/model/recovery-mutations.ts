import type { RecoveryEnvironment, RunRecovery } from '../../host/src/upgrade/loop-environment';

/** A sound recovery that is told, or let do, something wrong. */
type Spoil = (sound: RunRecovery) => RunRecovery;

const through =
  (change: (environment: RecoveryEnvironment) => Partial<RecoveryEnvironment>): Spoil =>
  (sound) =>
  (plan, lines, environment) =>
    sound(plan, lines, {
      journal: (line) => environment.journal(line),
      removeLeftovers: () => environment.removeLeftovers(),
      start: (version) => environment.start(version),
      ...change(environment),
    });

/** Recoveries that a replay of the model's journals has to tell from a sound one. */
export const spoiledRecoveries: readonly { readonly name: string; readonly spoil: Spoil }[] = [
  {
    name: 'takes the first line for the last',
    spoil: (sound) => (plan, lines, environment) => sound(plan, lines.slice(0, 1), environment),
  },
  {
    name: 'overlooks the last line',
    spoil: (sound) => (plan, lines, environment) => sound(plan, lines.slice(0, -1), environment),
  },
  {
    name: 'overlooks what was begun to be undone',
    spoil: (sound) => (plan, lines, environment) =>
      sound(
        plan,
        lines.filter(({ kind }) => kind !== 'undo'),
        environment,
      ),
  },
  {
    name: 'overlooks the end of an operation',
    spoil: (sound) => (plan, lines, environment) =>
      sound(
        plan,
        lines.filter(({ kind }) => kind !== 'end'),
        environment,
      ),
  },
  {
    name: 'finishes whatever was begun',
    spoil:
      (sound) =>
      ({ strategy, rows }, lines, environment) =>
        sound(
          { strategy, rows: rows.map((row) => ({ ...row, onRestart: 'finish' as const })) },
          lines,
          environment,
        ),
  },
  {
    name: 'undoes whatever was begun',
    spoil:
      (sound) =>
      ({ strategy, rows }, lines, environment) =>
        sound(
          { strategy, rows: rows.map((row) => ({ ...row, onRestart: 'undo' as const })) },
          lines,
          environment,
        ),
  },
  { name: 'leaves what the operation left', spoil: through(() => ({ removeLeftovers: async () => {} })) },
  { name: 'writes no end', spoil: through(() => ({ journal: async () => {} })) },
  {
    name: 'takes each version for started',
    spoil: through((world) => ({ start: (version) => world.start(version).catch(() => {}) })),
  },
  {
    name: 'does not fall back on the old one',
    spoil: through((world) => {
      let failed: unknown;
      return {
        start: async (version) => {
          if (failed !== undefined) throw failed;
          await world.start(version).catch((error: unknown) => {
            failed = error;
            throw error;
          });
        },
      };
    }),
  },
];
