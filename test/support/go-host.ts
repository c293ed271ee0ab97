import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { CallFailure, DrivenPlugin, DrivingHost, Left } from './driven-plugin';
import { goHost } from './samples';

/** What the Go host answers when something failed: the gRPC status where it was a call. */
interface Failure {
  readonly message: string;
  readonly code?: number;
}

interface Answer {
  readonly id: number;
  readonly ok?: unknown;
  readonly error?: Failure;
}

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** The host made with unmodified hashicorp/go-plugin, driven by JSON lines. It runs one plugin at a time. */
export class GoHost implements DrivingHost {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #exited: Promise<void>;
  #stderr = '';
  #last = 0;

  constructor(env: Readonly<Record<string, string>> = {}, program = goHost()) {
    this.#process = spawn(program, [], { env: { ...process.env, ...env } });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', () => {
        resolve();
        for (const [id, settle] of this.#waiting) {
          settle({ id, error: { message: `the Go host has ended: ${this.#stderr}` } });
        }
      });
    });
    this.#exited.catch(() => {});
    this.#process.stdin.on('error', () => {});
  }

  /** One operation; T is what the Go side is known to answer. */
  async request<T>(op: string, parameters: object = {}): Promise<T> {
    const id = ++this.#last;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#process.stdin.write(`${JSON.stringify({ id, op, ...parameters })}\n`);
    });
    if (answer.error) throw callFailure(op, answer.error);
    return answer.ok as T;
  }

  async start(options: Parameters<DrivingHost['start']>[0]): Promise<DrivenPlugin> {
    const { command, autoMtls, multiplex = false, versions, env = {} } = options;
    const started = await this.request<{ version: number; pid: number; network: string; address: string }>(
      'start',
      {
        command: [command],
        autoMtls,
        multiplex,
        versions,
        env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      },
    );
    return driven(this, started);
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    // It stops its plugin, within limits of its own.
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), 15_000);
    await this.#exited.finally(() => clearTimeout(killer));
  }
}

function driven(
  host: GoHost,
  started: { version: number; pid: number; network: string; address: string },
): DrivenPlugin {
  const { version, ...place } = started;
  return {
    ...place,
    protocolVersion: version,
    get: (key) => host.request('get', { key }),
    put: (key, value) => host.request('put', { key, value }),
    watch: (request) => host.request('watch', request),
    load: (n) => host.request('load', { n }),
    chat: (n) => host.request('chat', { n }),
    echo: async (size) => (await host.request<{ size: number }>('echo', { size })).size,
    print: async (target, text) => void (await host.request('print', { target, text })),
    log: async (level, message, fields) => void (await host.request('log', { level, message, fields })),
    fail: async (code, message) => void (await host.request('fail', { code, message })),
    sleep: async (durationMs, limits) => void (await host.request('sleep', { durationMs, ...limits })),
    inspect: (options) => host.request('inspect', options),
    health: async (service) => (await host.request<{ status: string }>('health', { service })).status,
    reflect: (symbol) => host.request('reflect', { symbol }),
    printed: () => host.request('stdio'),
    logs: () => host.request('logs'),
    stop: async () => {
      const killed = await host.request<{ forced: boolean; exit: Exit }>('kill');
      return { forced: killed.forced, ...killed.exit };
    },
    left: async (): Promise<Left | undefined> => {
      const { exit } = await host.request<{ exit: Exit | null }>('exited');
      return exit === null ? undefined : { forced: false, ...exit };
    },
  };
}

function callFailure(op: string, failure: Failure): Error {
  const error = new Error(`${op}: ${failure.message}`);
  if (failure.code === undefined) return error;
  return Object.assign(error, { code: failure.code, details: failure.message }) satisfies CallFailure;
}
