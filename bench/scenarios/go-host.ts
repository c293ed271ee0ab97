import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { CallSample } from './callers';
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

  /** Starts the plugin that unary and stream call; it ends with this host. */
  async start(plugin: SampleOptions, autoMtls: boolean): Promise<void> {
    const { command, handshake } = plugin;
    await this.#ask({ op: 'start', command: [command], versions: handshake.protocolVersions, autoMtls });
  }

  /** Calls Probe.Echo from so many loops until the time is over. */
  async unary(concurrency: number, size: number, millis: number): Promise<CallSample> {
    return callSample(await this.#ask({ op: 'bench-unary', concurrency, size, millis }));
  }

  /** Reads one stream of Kv.Watch to its end. */
  async stream(count: number, size: number): Promise<CallSample> {
    return callSample(await this.#ask({ op: 'bench-stream', count, size }));
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

interface BenchAnswer {
  readonly calls: number;
  readonly seconds: number;
  readonly cpuUserMs: number;
  readonly cpuSysMs: number;
}

function callSample(answer: unknown): CallSample {
  const { calls, seconds, cpuUserMs, cpuSysMs } = answer as BenchAnswer;
  if (!(calls > 0)) throw new Error(`The Go host made no calls: ${JSON.stringify(answer)}`);
  return { perSecond: calls / seconds, cpuUs: ((cpuUserMs + cpuSysMs) * 1000) / calls };
}
