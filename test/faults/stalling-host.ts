import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadOptions } from '@plugd/host';
import { isRunning, processesWith } from '../support/processes';
import type { Command, Order, Report } from './host-stalls-program';

/** A host in a process of its own that can be made to stand still. See host-stalls-program.ts. */
export class StallingHost {
  readonly mark = `stalls-${randomBytes(8).toString('hex')}`;
  readonly #runDir = mkdtempSync(join(tmpdir(), 'stalls-'));
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** How things stood when all plugins had come to serve. */
  readonly begun: Promise<Report>;

  constructor(program: string, load: readonly LoadOptions[], called: readonly string[]) {
    const order: Order = { runDir: this.#runDir, load, called };
    const child = spawn(process.execPath, [program, JSON.stringify(order)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ROOM_MARK: this.mark },
    });
    // Its end is heard as the end of its lines.
    child.stdin.on('error', () => {});
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.begun = this.#heard<Report>();
    this.begun.catch(() => {});
  }

  /** It gets no time at all: SIGSTOP, and after a while SIGCONT. */
  async stop(ms: number): Promise<void> {
    this.#child.kill('SIGSTOP');
    await sleep(ms);
    this.#child.kill('SIGCONT');
  }

  /** As {@link stop}, and its plugins with it: a container that is paused, a machine that sleeps. */
  async freeze(ms: number): Promise<void> {
    const plugins = processesWith(this.mark).filter((pid) => pid !== this.#child.pid);
    this.#child.kill('SIGSTOP');
    for (const pid of plugins) process.kill(pid, 'SIGSTOP');
    await sleep(ms);
    this.#child.kill('SIGCONT');
    for (const pid of plugins) process.kill(pid, 'SIGCONT');
  }

  /** Its event loop is blocked by its own code. */
  async block(ms: number): Promise<void> {
    await this.#tell({ do: 'block', ms });
  }

  report(): Promise<Report> {
    return this.#tell<Report>({ do: 'report' });
  }

  /** Ends it in order. Whatever is left of it is ended too, and returned. */
  async end(): Promise<number[]> {
    try {
      if (this.#child.exitCode === null) {
        this.#child.kill('SIGCONT');
        const closed = this.#tell({ do: 'close' }).catch(() => {});
        await Promise.race([closed, sleep(20_000, undefined, { ref: false })]);
        this.#child.stdin?.end();
        await sleep(300);
      }
    } finally {
      this.#child.kill('SIGKILL');
      rmSync(this.#runDir, { recursive: true, force: true });
    }
    const left = processesWith(this.mark).filter((pid) => pid !== this.#child.pid && isRunning(pid));
    for (const pid of left) process.kill(pid, 'SIGKILL');
    return left;
  }

  #tell<Answer>(command: Command): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    return this.#heard<Answer>();
  }

  async #heard<Answer>(): Promise<Answer> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`the host ended: ${this.#child.exitCode ?? this.#child.signalCode}`);
    return JSON.parse(value) as Answer;
  }
}
