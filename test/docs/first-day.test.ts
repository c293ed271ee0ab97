import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describeWithGo } from '../support/needs-go';
import { blocks, read, root } from './markdown';
import { exchanges, normalized, TypedShell } from './transcript';

// The first day of docs/operations.md is typed into a shell; what is printed has to be what the page shows. With
// PLUGD_WRITE_DOCS=1 the page gets what was printed.

const document = 'docs/operations.md';
const writes = process.env['PLUGD_WRITE_DOCS'] === '1';
const transcript = () => blocks(document).filter(({ marks }) => marks['transcript'] === 'first-day');

let home: string;
let shell: TypedShell;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'first-day-'));
  for (const name of ['first-day', 'run', 'state']) mkdirSync(join(home, name), { mode: 0o700 });
  symlinkSync(join(root, 'plugins', 'artifacts'), join(home, 'first-day', 'samples'));
  shell = new TypedShell(join(home, 'first-day'), {
    PATH: [join(root, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(delimiter),
    HOME: home,
    XDG_RUNTIME_DIR: join(home, 'run'),
    XDG_STATE_HOME: join(home, 'state'),
    LC_ALL: 'C',
  });
});
afterAll(async () => {
  // Where a command failed the load and the daemon are still there.
  await shell.run('touch enough; plugd stop --yes; wait', 30_000).catch(() => {});
  shell.close();
  rmSync(home, { recursive: true, force: true });
});

/** As on a machine of one's own. */
const shown = (output: string) =>
  output
    .replaceAll(join(home, 'run'), '/run/user/1000')
    .replaceAll(join(home, 'state'), '~/.local/state')
    .replaceAll(home, '~')
    .replaceAll(process.execPath, '/usr/bin/node')
    .replaceAll(process.arch, 'x64')
    .replace(/^(\s+ok\s+permission\s+)\S+ may/m, '$1me may');

// Version 1 of the samples is in Go.
describeWithGo('docs/operations.md', () => {
  test('a new operator’s first day goes as the page shows it', async () => {
    const typed: { command: string; output: string; expected: string }[] = [];
    for (const { text } of transcript()) {
      for (const { command, output: expected } of exchanges(text)) {
        typed.push({ command, output: shown(await shell.run(command, 30_000)), expected });
      }
    }
    expect(typed.length).toBeGreaterThan(20);
    if (writes) return write(typed);
    for (const { command, output, expected } of typed) {
      expect(`$ ${command}\n${normalized(output)}`).toBe(`$ ${command}\n${normalized(expected)}`);
    }
  }, 120_000);
});

function write(typed: readonly { command: string; output: string }[]): void {
  let page = read(document);
  let next = 0;
  for (const { text } of transcript()) {
    const lines = exchanges(text).map(() => {
      const { command, output } = typed[next++] ?? { command: '', output: '' };
      return output === '' ? `$ ${command}\n` : `$ ${command}\n${output}\n`;
    });
    page = page.replace(text, () => lines.join(''));
  }
  writeFileSync(join(root, document), page);
}

/** `plugd verb --flag …`, wherever the page has one: in a sentence, typed, in a unit or in a container's file. */
const named = () =>
  [
    ...read(document)
      .replaceAll(/", "|\/usr\/bin\//g, ' ')
      .matchAll(/(?<![\w/=-])plugd ([a-z]+)\b([^`\n|&;#"]*)/g),
  ].map(([, verb = '', rest = '']) => ({ verb, flags: rest.match(/(?<=\s)--[a-z-]+/g) ?? [] }));

/** A section of the page of the command, which is held against its help. */
const section = (heading: string) => {
  const [, text] = read('docs/cli.md').split(`\n## ${heading}\n`);
  return text?.split('\n## ')[0];
};

test('verbs and flags that the page names are those of the command', () => {
  const common = section('Options of all verbs');
  expect(named().filter(({ flags }) => flags.length > 0).length).toBeGreaterThan(8);
  for (const { verb, flags } of named()) {
    const own = section(`\`plugd ${verb}\``);
    expect([verb, own === undefined]).toEqual([verb, false]);
    for (const flag of flags) {
      expect([verb, flag, `${common}${own}`.includes(flag)]).toEqual([verb, flag, true]);
    }
  }
});
