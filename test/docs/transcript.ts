import { type ChildProcess, spawn } from 'node:child_process';

/** A command of a transcript, and what it printed. */
export interface Exchange {
  readonly command: string;
  readonly output: string;
}

/** The exchanges of a block: commands behind `$ `, each followed by what it printed. */
export function exchanges(text: string): Exchange[] {
  const found: { command: string; lines: string[] }[] = [];
  for (const line of text.replace(/\n$/, '').split('\n')) {
    if (line.startsWith('$ ')) found.push({ command: line.slice(2), lines: [] });
    else found.at(-1)?.lines.push(line);
  }
  return found.map(({ command, lines }) => ({ command, output: lines.join('\n') }));
}

/** What is not the same twice: numbers, times, digests, random names, and the blanks that follow from their lengths. */
export function normalized(output: string): string {
  return output
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\b[0-9a-f]{12}\b/g, 'DIGEST')
    .replace(/\/\S*\/(i-|plugd-|artifact-)\S+/g, 'PATH')
    .replace(/\b\d+(\.\d+)?\s?(ms|s|m|h)\b/g, 'LONG')
    .replace(/(?<![\w.])\d+(?![\w.]*\.\d)\b/g, 'N')
    .replace(/[ \t]+/g, ' ')
    .replace(/ $/gm, '');
}

/** One shell, in which commands are typed one after the other. */
export class TypedShell {
  readonly #shell: ChildProcess;
  #seen = '';
  #wake = () => {};

  constructor(cwd: string, env: Readonly<Record<string, string>>) {
    this.#shell = spawn('bash', ['--noprofile', '--norc'], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#seen += text;
        this.#wake();
      });
    }
    this.#shell.once('close', () => this.#wake());
  }

  /** Types a command, and waits for what it prints on either stream. */
  async run(command: string, limitMs: number): Promise<string> {
    this.#seen = '';
    const mark = `end-of-${Math.random().toString(36).slice(2)}`;
    // Both streams go one way, so that their lines are in order.
    this.#shell.stdin?.write(`{ ${command}\n} 2>&1; echo ${mark}\n`);
    const end = performance.now() + limitMs;
    while (!this.#seen.includes(mark)) {
      const left = end - performance.now();
      if (left <= 0 || this.#shell.exitCode !== null) {
        throw new Error(`"${command}" did not end within ${limitMs} ms; it printed: ${this.#seen}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#seen.slice(0, this.#seen.indexOf(mark)).replace(/\n$/, '');
  }

  close(): void {
    this.#shell.stdin?.end();
    this.#shell.kill('SIGKILL');
  }
}
