import type { Readable } from 'node:stream';
import type { Platform, SpawnedProcess } from '../platform/platform';
import type { ExitInfo, KeptProcess, OutputStream } from './keeper';

/** A child of this process. */
export class OwnedProcess implements KeptProcess {
  readonly pid: number;
  readonly group: number | null;
  readonly startTime: Promise<string | null>;
  readonly exited: Promise<ExitInfo>;
  readonly #child: SpawnedProcess;
  readonly #platform: Platform;
  readonly #ended: Record<OutputStream, Promise<void>>;
  #exit: ExitInfo | undefined;

  constructor(child: SpawnedProcess, platform: Platform) {
    this.#child = child;
    this.#platform = platform;
    this.pid = child.pid;
    this.group = child.group;
    this.exited = new Promise((resolve) =>
      child.onExit(({ code, signal }) => {
        this.#exit = { code, signal, at: Date.now() };
        resolve(this.#exit);
      }),
    );
    this.startTime = platform.startTime(child.pid);
    this.#ended = { stdout: ended(child.stdout), stderr: ended(child.stderr) };
  }

  get exit(): ExitInfo | undefined {
    return this.#exit;
  }

  outputEnded(stream: OutputStream): Promise<void> {
    return this.#ended[stream];
  }

  onOutput(stream: OutputStream, listener: (chunk: Buffer) => void): void {
    this.#child[stream]?.on('data', listener);
  }

  holdOutput(stream: OutputStream, ms: number): void {
    const readable = this.#child[stream];
    if (readable === null || readable.destroyed) return;
    readable.pause();
    setTimeout(() => readable.resume(), ms).unref();
  }

  /** Until its exit is known the pid is the child's, be it a zombie: the system keeps it for its parent. */
  async signal(kind: 'terminate' | 'kill'): Promise<boolean> {
    if (this.#exit !== undefined) return false;
    return kind === 'terminate'
      ? this.#platform.terminate(this.pid, this.group)
      : this.#platform.kill(this.pid, this.group);
  }

  closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Lets this process end although the child and its pipes are open. */
  unref(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}

function ended(stream: Readable | null): Promise<void> {
  if (stream === null || stream.closed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('close', () => resolve());
    stream.on('error', () => {});
  });
}
