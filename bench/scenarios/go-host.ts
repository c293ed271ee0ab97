import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { GO_HOST, type SampleOptions } from './samples';

interface Answer {
  readonly ok?: unknown;
  readonly error?: { readonly message: string };
}

/** A host made with unmodified hashicorp/go-plugin, in a process of its own: the peer. */
export class GoHost {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (ok: unknown) => void; reject: (error: Error) => void }[] = [];

  constructor() {
    const child = spawn(GO_HOST, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { ok, error } = JSON.parse(line) as Answer;
      const asked = this.#waiting.shift();
      if (error === undefined) asked?.resolve(ok);
      else asked?.reject(new Error(`The Go host says: ${error.message}`));
    });
    child.once('exit', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('The Go host has ended'));
    });
  }

  /** Milliseconds from before a plugin is started to its first answered call; the plugin is stopped afterwards. */
  async firstAnswerMs(plugin: SampleOptions, autoMtls: boolean): Promise<number> {
    const { command, handshake } = plugin;
    const times = await this.#ask({
      op: 'bench-start',
      command: [command],
      versions: handshake.protocolVersions,
      autoMtls,
      runs: 1,
    });
    if (Array.isArray(times) && typeof times[0] === 'number') return times[0];
    throw new Error(`The Go host gave no time: ${JSON.stringify(times)}`);
  }

  /** One question at a time, so that answers need no looking up. */
  #ask(request: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id: 1, ...request })}\n`);
    });
  }

  /** It leaves when its input ends, and takes its plugins along. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await gone;
  }
}
