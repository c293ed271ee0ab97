import { PluginError } from '@plugd/protocol/plugin-error';
import type { Platform, SpawnedProcess } from '../platform/platform';
import { guardianScript } from './guardian-script';
import { waitAtMost } from './wait-at-most';

export type GuardedKind = 'group' | 'token' | 'directory' | 'socket';

/** Something that the guardian has been told of. */
export interface Guarded {
  update(value: string): void;
  /** It has been dealt with: the guardian forgets it. */
  release(): void;
}

/** A guardian that keeps dying is started ever more slowly, up to this. */
const MAX_RESTART_DELAY_MS = 5_000;
/** One that lived this long was not the cause of its own end. */
const STABLE_MS = 10_000;

/**
 * The host's side of the guardian: knows everything that must not outlive the host, and keeps a shell process alive
 * that knows it too. Where the platform needs no guardian it only keeps the book.
 */
export class Guardian {
  readonly #platform: Platform;
  readonly #onRestart: (exit: { pid: number; delayMs: number }) => void;
  readonly #told = new Map<number, { kind: GuardedKind; value: string }>();
  #nextKey = 1;
  #process: SpawnedProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: {
    readonly platform: Platform;
    /** Called when the shell was lost and a new one is about to be started. */
    readonly onRestart?: (exit: { pid: number; delayMs: number }) => void;
  }) {
    this.#platform = options.platform;
    this.#onRestart = options.onRestart ?? (() => {});
  }

  /** Of the shell; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Throws PluginError GUARDIAN_FAILED. */
  async open(): Promise<void> {
    try {
      await this.#start();
    } catch (cause) {
      throw new PluginError('GUARDIAN_FAILED', 'The guardian process could not be started.', {
        facts: { shell: this.#platform.guardianShell },
        cause,
      });
    }
  }

  /** Written to the pipe before it returns: a host that is killed right after is covered. */
  guard(kind: GuardedKind, value: string): Guarded {
    const key = this.#nextKey++;
    const tell = (current: string): void => {
      this.#told.set(key, { kind, value: current });
      this.#write(`add ${key} ${kind} ${current}\n`);
    };
    tell(value);
    return {
      update: (next) => {
        if (this.#told.has(key)) tell(next);
      },
      release: () => {
        if (this.#told.delete(key)) this.#write(`del ${key}\n`);
      },
    };
  }

  /**
   * Ends the shell. What it still guards is left alone with `abandon`, else it is ended and removed as if the host
   * had been killed. May be called again.
   */
  async close(options: { readonly abandon: boolean }): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    const shell = this.#process;
    if (shell === undefined) return;
    if (options.abandon || this.#told.size === 0) this.#write('quit\n');
    shell.stdin?.end();
    if ((await waitAtMost(shell.exited, 2_000)) === undefined)
      await this.#platform.kill(shell.pid, shell.group);
  }

  async #start(): Promise<void> {
    const { guardianShell } = this.#platform;
    if (guardianShell === null || this.#closed) return;
    const startedAt = performance.now();
    const shell = await this.#platform.spawn({
      command: guardianShell,
      args: ['-c', guardianScript, 'plugd-guardian'],
      // Nothing of the host's own: were it a plugin itself, its token would make the guardian a descendant.
      env: { PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
      cwd: '/',
      stdin: 'pipe',
      output: false,
    });
    shell.unref();
    const { stdin } = shell;
    // A guardian that is gone is noticed by its exit.
    stdin?.on('error', () => {});
    if (this.#closed) {
      stdin?.end('quit\n');
      return;
    }
    this.#process = shell;
    if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
    shell.onExit(() => this.#lost(shell, startedAt));
    for (const [key, { kind, value }] of this.#told) this.#write(`add ${key} ${kind} ${value}\n`);
  }

  #lost(shell: SpawnedProcess, startedAt: number): void {
    this.#process = undefined;
    if (this.#closed) return;
    this.#failures = performance.now() - startedAt > STABLE_MS ? 0 : this.#failures + 1;
    const delayMs = this.#failures <= 1 ? 0 : Math.min(MAX_RESTART_DELAY_MS, 50 * 2 ** this.#failures);
    this.#onRestart({ pid: shell.pid, delayMs });
    this.#scheduleRestart(delayMs);
  }

  #scheduleRestart(delayMs: number): void {
    this.#restart = setTimeout(() => {
      this.#start().catch(() => this.#scheduleRestart(MAX_RESTART_DELAY_MS));
    }, delayMs).unref();
  }

  #write(line: string): void {
    this.#process?.stdin?.write(line);
  }
}
