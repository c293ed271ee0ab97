// Runs the command `plugd` as somebody at a terminal does, and shows what it prints.
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { root } from '../lib/root.mjs';

const program = path.join(root, 'host', 'bin', 'plugd.js');

export class Shell {
  constructor(directory) {
    this.directory = directory;
    this.socket = path.join(directory, 'plugd.sock');
  }

  /** Runs `plugd` with these arguments. Throws where it fails. */
  async plugd(...args) {
    const { code } = await this.#shown(args, ({ text }) => process.stdout.write(text));
    if (code !== 0) throw failed(args, code);
  }

  /** The same, with its result alone, and not how far it is meanwhile. */
  async briefly(...args) {
    const { code } = await this.#shown(args, ({ text, isResult }) => isResult && process.stdout.write(text));
    if (code !== 0) throw failed(args, code);
  }

  /** Runs `plugd`, and throws where it does not fail. */
  async fails(...args) {
    const { code } = await this.#shown(args, ({ text }) => process.stdout.write(text));
    if (code === 0) throw failed(args, code);
  }

  say(text) {
    console.log(`\n# ${text}`);
  }

  /** What it prints with `-o json`, shown to nobody. */
  async json(...args) {
    const { code, printed } = await this.#run([...args, '-o', 'json'], () => {});
    if (code !== 0) throw failed(args, code);
    return JSON.parse(printed);
  }

  #shown(args, show) {
    const words = args.map((arg) => (/^[\w./:@=-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ');
    console.log(`\n$ plugd ${words.replaceAll(`${root}${path.sep}`, '')}`);
    return this.#run(args, show);
  }

  #run(args, show) {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        cwd: this.directory,
        env: {
          ...process.env,
          PLUGD_SOCKET: this.socket,
          PLUGD_CONFIG: path.join(this.directory, 'plugd.yaml'),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        printed += text;
        show({ text, isResult: true });
      });
      child.stderr.setEncoding('utf8').on('data', (text) => show({ text, isResult: false }));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, printed }));
    });
  }
}

function failed(args, code) {
  return new Error(`plugd ${args.join(' ')} ended with exit code ${code}`);
}
