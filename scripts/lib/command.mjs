import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './root.mjs';

/** How much of a failed command's output its error repeats: the reason stands first or last, by program. */
const HEAD_LINES = 12;
const TAIL_LINES = 28;

/** A command that could not be run or ended badly: which one, and the two ends of what it printed. */
export class CommandError extends Error {
  constructor(command, outcome, output) {
    super(`${command}: ${outcome}`);
    this.name = 'CommandError';
    this.command = command;
    this.excerpt = excerpt(output.trimEnd().split('\n')).join('\n');
  }
}

function excerpt(lines) {
  const left = lines.length - HEAD_LINES - TAIL_LINES;
  if (left <= 0) return lines;
  return [...lines.slice(0, HEAD_LINES), `... ${left} more lines ...`, ...lines.slice(-TAIL_LINES)];
}

/** Less than what does not say, so that this has the machine when it needs it. */
const NICE = 10;

/** Shows what a child prints from the moment on at which its turn has come, and then what it has printed before. */
function showFrom(child, turn) {
  const held = [];
  let show = (to, chunk) => held.push([to, chunk]);
  child.stdout.on('data', (chunk) => show(process.stdout, chunk));
  child.stderr.on('data', (chunk) => show(process.stderr, chunk));
  const begin = () => {
    show = (to, chunk) => to.write(chunk);
    for (const [to, chunk] of held.splice(0)) show(to, chunk);
  };
  turn.then(begin, begin);
}

/**
 * Runs a program without a shell, so that no path needs quoting.
 * `show: true` lets it write to our own output, a promise does so when that has settled; otherwise it is collected and
 * returned. `nice: true` lets others go first.
 */
export function run(file, args, { cwd = root, env = {}, show = false, nice = false } = {}) {
  const shown = [path.basename(file), ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show === true ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    if (nice && child.pid !== undefined) os.setPriority(child.pid, NICE);
    if (show instanceof Promise) showFrom(child, show);
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const output = () => Buffer.concat(chunks).toString();
    child.on('error', (error) => reject(new CommandError(shown, error.message, output())));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output());
      else reject(new CommandError(shown, signal ? `ended by ${signal}` : `exit code ${code}`, output()));
    });
  });
}

/** Runs a JavaScript program with the Node that runs us: bin links and .cmd files differ by platform. */
export function runNode(script, args, options) {
  return run(process.execPath, [path.resolve(root, script), ...args], options);
}

/** Where the command-line tools of our dependencies start. */
export const tools = {
  attw: 'node_modules/@arethetypeswrong/cli/dist/index.js',
  buf: 'node_modules/@bufbuild/buf/bin/buf',
  dpdm: 'node_modules/dpdm/lib/bin/dpdm.js',
  jest: 'node_modules/jest/bin/jest.js',
  publint: 'node_modules/publint/src/cli.js',
  tsc: 'node_modules/typescript/bin/tsc',
};

/**
 * npm's own program file: npm.cmd cannot be started without a shell.
 * Within `npm run` npm names it; else it lies beside Node.
 */
export function npmProgram() {
  const beside = path.dirname(process.execPath);
  const candidates = [
    process.env.npm_execpath ?? '',
    path.join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    path.join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...(process.env.PATH ?? '')
      .split(path.delimiter)
      .map((directory) => path.join(directory, 'node_modules', 'npm', 'bin', 'npm-cli.js')),
  ];
  return candidates.find((file) => path.basename(file) === 'npm-cli.js' && existsSync(file));
}

export function runNpm(args, options) {
  const program = npmProgram();
  return program ? runNode(program, args, options) : run('npm', args, options);
}
