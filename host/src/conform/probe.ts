import { LineSplitter } from '@plugd/protocol/line-splitter';
import { printable } from '@plugd/protocol/printable';
import { HandshakeReader, type HandshakeResult } from '../launch/handshake-reader';
import type { KeptProcess } from '../launch/keeper';
import { waitAtMost } from '../launch/wait-at-most';
import { describeExit } from '../launch/witness';

/** Of stderr; what a plugin floods is not kept. */
const MAX_LINES = 1_000;

export type FirstLine =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'none'; readonly seen: string };

/** One process of the plugin, and all that it prints. */
export class Probe {
  readonly kept: KeptProcess;
  /** Where it was told to make its sockets. */
  readonly directory: string;
  readonly token: string;
  readonly startedAt = Date.now();
  readonly stderr: string[] = [];
  /** Bytes on stdout behind the first line. */
  stdoutAfter = 0;
  readonly #reader: HandshakeReader;
  readonly #handshake: Promise<HandshakeResult>;

  constructor(kept: KeptProcess, place: { readonly directory: string; readonly token: string }) {
    this.kept = kept;
    this.directory = place.directory;
    this.token = place.token;
    let settle: (result: HandshakeResult) => void = () => {};
    this.#handshake = new Promise((resolve) => {
      settle = resolve;
    });
    this.#reader = new HandshakeReader(settle);
    kept.onOutput('stdout', (chunk) => {
      this.stdoutAfter += this.#reader.push(chunk).length;
    });
    const lines = new LineSplitter({
      onLine: (line) => {
        if (this.stderr.length < MAX_LINES) this.stderr.push(line);
      },
    });
    kept.onOutput('stderr', (chunk) => lines.push(chunk));
  }

  /** The beginning of stdout, fit for a message. */
  get stdoutHead(): string {
    return this.#reader.head;
  }

  /** The first line of stdout, or what there was in its place. */
  async firstLine(limitMs: number): Promise<FirstLine> {
    const ended = Promise.all([this.kept.exited, this.outputEnded(limitMs)]).then(([exit]) => ({
      kind: 'exit' as const,
      exit,
    }));
    const closed = this.kept.outputEnded('stdout').then(async () => {
      await waitAtMost(this.kept.exited, 200);
      return { kind: 'closed' as const };
    });
    const first = await waitAtMost(Promise.race([this.#handshake, ended, closed]), limitMs);
    if (first?.kind === 'line') return first;
    return { kind: 'none', seen: `${this.#why(first?.kind, limitMs)}${this.#shown()}` };
  }

  #why(kind: string | undefined, limitMs: number): string {
    if (this.kept.exit !== undefined)
      return `it ended with ${describeExit(this.kept.exit)} without a whole line`;
    if (kind === undefined) return `no whole line within ${limitMs} ms`;
    if (kind === 'closed' || kind === 'exit') return 'it closed stdout without a whole line';
    return kind === 'too long' ? 'a first line of more than 64 KiB' : 'a first line that is not UTF-8';
  }

  #shown(): string {
    const said = this.stderr.at(-1);
    return [
      this.stdoutHead === '' ? '' : `; stdout begins with "${printable(this.stdoutHead, 80)}"`,
      said === undefined ? '' : `; stderr ends with "${printable(said, 120)}"`,
    ].join('');
  }

  /** All that it printed has been read; a grandchild may hold the pipes, so there is a limit. */
  async outputEnded(limitMs: number): Promise<void> {
    const pipes = (['stdout', 'stderr'] as const).map((stream) => this.kept.outputEnded(stream));
    await waitAtMost(Promise.all(pipes), limitMs);
  }
}
