import { status } from '@grpc/grpc-js';
import type { RpcMethod } from '@plugd/protocol/rpc/definition';
import type { Admit } from '@plugd/protocol/rpc/service';
import type { Logger } from '../logger';
import type { CallGate } from './call-gate';
import { handoffError } from './handoff-error';
import { Hooks, type PauseLimits, type ResumeLimits } from './hooks';
import { type HookLimits, SELF_ACTIVATION_LIMIT_MS } from './limits';
import type { Resources } from './resources';
import { Turns } from './turns';

/**
 * - `standby`: set up, but not in charge: nothing exclusive is taken, nothing goes on by itself. A state may be restored.
 * - `active`: in charge.
 * - `pausing`: calls that may change the state wait at the gate; those in flight end. It stays so when that fails.
 * - `paused`: nothing changes the state.
 */
export type Phase = 'standby' | 'active' | 'pausing' | 'paused';

/** Where a plugin is between two versions, as its host leads it: from standby to active, and to paused and back. */
export class Handoff {
  readonly hooks: {
    readonly pause: Hooks<PauseLimits, []>;
    readonly resume: Hooks<ResumeLimits, []>;
    readonly release: Hooks<HookLimits, [readonly string[]]>;
    readonly activate: Hooks<HookLimits, []>;
  };
  readonly #gate: CallGate;
  readonly #log: Logger;
  readonly #resources: Resources;
  readonly #turns = new Turns();
  #phase: Phase = 'standby';
  #led = false;
  /** Activate hooks run, perhaps ones for which nobody waits any more. */
  #activating = false;
  /** What release hooks were asked for, whatever came of it. */
  readonly #asked = new Set<string>();
  readonly #released = new Set<string>();

  constructor(gate: CallGate, resources: Resources, log: Logger) {
    this.#gate = gate;
    this.#resources = resources;
    this.#log = log;
    this.hooks = {
      pause: new Hooks('pause', 'last-first', log),
      resume: new Hooks('resume', 'first-first', log),
      release: new Hooks('release', 'last-first', log),
      activate: new Hooks('activate', 'first-first', log),
    };
  }

  /** Somebody sees to the activation: from now on calls are answered before it too. */
  lead(): void {
    this.#led = true;
  }

  /**
   * Asked of each call to the plugin's own services. A plugd host speaks of the plugin's life before it makes any. One that
   * doesn't is another's, and what says that plugd started the plugin was only handed down to it: then the first call
   * activates.
   */
  readonly admission = (method: RpcMethod): Admit => {
    const admit = this.#gate.admission(method) ?? pass;
    return (call) => (this.#led ? admit(call) : this.#begin().then(() => admit(call)));
  };

  async #begin(): Promise<void> {
    await this.activate(SELF_ACTIVATION_LIMIT_MS);
    this.#led = true;
  }

  /** Nothing has begun, and nothing is about to. @throws RpcError with HANDOFF_ORDER */
  checkRestorable(): void {
    if (this.#phase === 'standby' && !this.#activating) return;
    throw handoffError(
      'HANDOFF_ORDER',
      'The plugin is active: a state can be restored only before Activate.',
    );
  }

  /** May be called again; once it has succeeded it has no further effect. @throws RpcError with HANDOFF_HOOK_FAILED, HANDOFF_ORDER */
  activate(limitMs: number): Promise<void> {
    return this.#turns.take({
      limitMs,
      late: lateHooks('activate', limitMs),
      work: async (limits) => {
        if (this.#phase === 'active') return;
        if (this.#phase !== 'standby') {
          throw handoffError('HANDOFF_ORDER', 'The plugin has been paused: it is Resume that ends that.');
        }
        this.#activating = true;
        try {
          await this.hooks.activate.run(limits);
          this.#phase = 'active';
        } finally {
          this.#activating = false;
        }
        this.#log.debug('plugin is active');
      },
    });
  }

  /**
   * Closes the gate, runs the hooks, and waits for the calls in flight. Where it fails the gate stays closed, for
   * {@link resume} to open it. May be called again, and has no effect once it has succeeded.
   * @throws RpcError with PAUSE_TIMEOUT, HANDOFF_HOOK_FAILED, HANDOFF_ORDER
   */
  pause(limitMs: number): Promise<void> {
    return this.#turns.take({
      limitMs,
      yields: true,
      late: () => this.#pauseLate(limitMs),
      work: async (limits) => {
        if (this.#phase === 'paused') return;
        if (this.#phase === 'standby') {
          throw handoffError('HANDOFF_ORDER', 'The plugin is not active yet: Activate comes before Pause.');
        }
        this.#phase = 'pausing';
        this.#gate.close(limitMs);
        const idle = this.#gate.whenIdle(limits.signal);
        // A hook need not wait for it, and may have failed.
        idle.catch(() => {});
        await this.hooks.pause.run({ ...limits, idle });
        await idle;
        this.#phase = 'paused';
        this.#log.debug('plugin is paused');
      },
    });
  }

  /**
   * Undoes pause and release. One that is under way is given up, and undone when its hook has ended.
   * @throws RpcError with HANDOFF_HOOK_FAILED: then the plugin stays as it is, and it may be tried again
   */
  resume(limitMs: number): Promise<void> {
    this.#turns.giveUp(
      handoffError('HANDOFF_ORDER', 'It was given up: Resume has come.', { status: status.ABORTED }),
    );
    return this.#turns.take({
      limitMs,
      late: lateHooks('resume', limitMs),
      work: async (limits) => {
        const paused = this.#phase === 'pausing' || this.#phase === 'paused';
        if (paused || this.#asked.size > 0) {
          await this.hooks.resume.run({ ...limits, released: [...this.#asked] });
          this.#log.debug('plugin goes on');
        }
        this.#asked.clear();
        this.#released.clear();
        if (paused) this.#phase = 'active';
        this.#gate.open();
      },
    });
  }

  /**
   * @param names empty: all that is exclusive. What is released already is not released again.
   * @throws RpcError with HANDOFF_HOOK_FAILED, HANDOFF_ORDER
   */
  async release(names: readonly string[], limitMs: number): Promise<void> {
    const unknown = names.filter((name) => !Object.hasOwn(this.#resources, name));
    if (unknown.length > 0) {
      throw handoffError('HANDOFF_ORDER', `The plugin has declared no resource ${unknown.join(', ')}.`, {
        status: status.INVALID_ARGUMENT,
      });
    }
    const wanted = names.length > 0 ? names : this.#exclusive();
    const work = async (limits: HookLimits): Promise<void> => {
      const fresh = [...new Set(wanted)].filter((name) => !this.#released.has(name));
      if (fresh.length === 0) return;
      for (const name of fresh) this.#asked.add(name);
      await this.hooks.release.run(limits, fresh);
      for (const name of fresh) this.#released.add(name);
    };
    await this.#turns.take({ limitMs, late: lateHooks('release', limitMs), work, yields: true });
  }

  #pauseLate(limitMs: number): Error {
    const { busy } = this.#gate;
    const what = busy === '' ? 'its hooks run' : `calls that may change its state are in flight: ${busy}`;
    return handoffError(
      'PAUSE_TIMEOUT',
      `The plugin did not pause within ${Math.ceil(limitMs)} ms: ${what}.`,
    );
  }

  #exclusive(): string[] {
    return Object.entries(this.#resources)
      .filter(([, kind]) => kind === 'exclusive')
      .map(([name]) => name);
  }
}

/** For calls that need not be counted. */
const pass: Admit = () => passed;
const passed = (): void => {};

const lateHooks = (step: 'activate' | 'release' | 'resume', limitMs: number) => (): Error =>
  handoffError(
    'HANDOFF_HOOK_FAILED',
    `The plugin's hooks did not end within ${Math.ceil(limitMs)} ms (${step}).`,
    {
      status: status.DEADLINE_EXCEEDED,
    },
  );
