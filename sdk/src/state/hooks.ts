import { errorFields, type Logger } from '../logger';
import { handoffError } from './handoff-error';
import type { HookLimits } from './limits';

/** What a pause hook is told beside its limits. */
export interface PauseLimits extends HookLimits {
  /** Resolves when no call that may change the state is in flight any more; rejects when the signal fires. */
  readonly idle: Promise<void>;
}

/** What a resume hook is told beside its limits. */
export interface ResumeLimits extends HookLimits {
  /** The resources that release hooks were asked for since the pause: to be taken again. */
  readonly released: readonly string[];
}

/** Stops what changes the state by itself, and long streams. What it throws fails the pause; {@link ResumeHook}s undo it. */
export type PauseHook = (limits: PauseLimits) => void | Promise<void>;
/** Undoes what the pause and release hooks did, also those that failed. */
export type ResumeHook = (limits: ResumeLimits) => void | Promise<void>;
/** Lets go of the named resources. */
export type ReleaseHook = (names: readonly string[], limits: HookLimits) => void | Promise<void>;
/** Takes exclusive resources, and begins with what goes on by itself. */
export type ActivateHook = (limits: HookLimits) => void | Promise<void>;

/** The hooks of one kind. */
export class Hooks<Limits extends HookLimits, Args extends readonly unknown[]> {
  readonly #hooks: ((...args: [...Args, Limits]) => void | Promise<void>)[] = [];

  /** @param order `last-first` where hooks undo what others, added before them, rely on */
  constructor(
    private readonly kind: 'pause' | 'resume' | 'release' | 'activate',
    private readonly order: 'first-first' | 'last-first',
    private readonly log: Logger,
  ) {}

  add(hook: (...args: [...Args, Limits]) => void | Promise<void>): void {
    this.#hooks.push(hook);
  }

  /**
   * One after the other, until one throws or the limits' signal fires.
   * @throws RpcError with HANDOFF_HOOK_FAILED; the signal's reason, once the hook that was running has ended
   */
  async run(limits: Limits, ...args: Args): Promise<void> {
    const hooks = this.order === 'first-first' ? [...this.#hooks] : [...this.#hooks].reverse();
    for (const hook of hooks) {
      try {
        await hook(...args, limits);
      } catch (error) {
        // Thrown because of the signal, most likely: it is the limit that failed.
        limits.signal.throwIfAborted();
        this.log.error(`a hook failed: ${this.kind}`, errorFields(error));
        const words = error instanceof Error ? error.message : String(error);
        throw handoffError('HANDOFF_HOOK_FAILED', `The plugin's ${this.kind} hook failed: ${words}`, {
          cause: error,
        });
      }
      limits.signal.throwIfAborted();
    }
  }
}
