import type { Command } from 'commander';
import { CliContext } from '../../../host/src/cli/context';
import { createProgram } from '../../../host/src/cli/program';
import { type Block, blocks, documents, read } from '../../docs/markdown';

// What pages tell people to type is read by the command itself, without doing any of it.

/** Languages in which lines are there to be typed, or run by an init or a container; of a transcript those behind a prompt. */
const shells = ['text', 'sh', 'ini', 'dockerfile'];

interface Line {
  readonly place: string;
  readonly words: readonly string[];
}

/** What stands behind `plugd` in each such command of a text. */
function linesIn(text: string, place: string): Line[] {
  return text
    .split('\n')
    .flatMap((line) => commandsIn(line))
    .flatMap((words) => {
      const at = words.findLastIndex((word) => /^(?:Exec\w+=)?(?:\/\S+\/)?plugd$/.test(word));
      // In a sentence it is a name: before the command stand a prompt, another program or an assignment.
      return at >= 0 && words.slice(0, at).every(leads) ? [{ place, words: words.slice(at + 1) }] : [];
    });
}

const leaders = ['$', 'npx', 'until', '!', 'sudo', '-u', 'plugd', 'do', 'HEALTHCHECK', 'CMD'];
const leads = (word: string) => leaders.includes(word) || /^[A-Z_]+=/.test(word);

/** The commands of a line of a shell, or of a container's file, in words. */
function commandsIn(line: string): string[][] {
  const list = /^CMD (\[.*\])$/.exec(line)?.[1];
  if (list !== undefined) return [JSON.parse(list)];
  const commands: string[][] = [[]];
  for (const [, quoted, double, bare, end] of line.matchAll(
    /'([^']*)'|"([^"]*)"|((?:<\(|>>?|[^\s;|&()'"<>])+)|([;|&()])/g,
  )) {
    if (end !== undefined) commands.push([]);
    else commands.at(-1)?.push(quoted ?? double ?? bare ?? '');
  }
  // What goes into a file is no word of the command.
  return commands.map((words) => words.slice(0, words.findIndex((word) => /^[<>]/.test(word)) >>> 0));
}

function typedIn({ language, text }: Block): string {
  if (language === 'console') return text.replace(/^[^$].*$/gm, '');
  return shells.includes(language) ? text : '';
}

function lines(document: string): Line[] {
  const passing = read(document).replace(/^```[\s\S]*?^```/gm, '');
  return [
    ...blocks(document).flatMap((block) => linesIn(typedIn(block), block.place)),
    // In passing `plugd call -d` names an option: what has all its words is a line to type.
    ...[...passing.matchAll(/`([^`]*)`/g)].flatMap(([, code = '']) => linesIn(code, document)),
  ];
}

/** What the command says against a line; undefined: nothing. */
function complaint(words: readonly string[], abbreviated: boolean): string | undefined {
  let said = '';
  const quiet = { write: (text: string) => (said += text) };
  const program = createProgram(new CliContext({ stdout: quiet, stderr: quiet, env: {}, cwd: () => '/' }));
  for (const verb of program.commands as Command[]) verb.action(() => {});
  try {
    program.parse(words, { from: 'user' });
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (/^commander\.(help|version)/.test(code)) return undefined;
    if (abbreviated && /missing/i.test(code)) return undefined;
    return said || String(error);
  }
}

test.each(documents())('the command takes every line of it that %s shows', (document) => {
  const wrong = lines(document).flatMap(({ place, words }) => {
    const why = complaint(words, place === document);
    return why === undefined ? [] : [`${place}: plugd ${words.join(' ')}: ${why}`];
  });
  expect(wrong).toEqual([]);
});

test('lines are found wherever they stand, and what is wrong with them', () => {
  const found = linesIn(
    [
      'ExecStart=/usr/bin/plugd start --quiet',
      'HEALTHCHECK CMD plugd status --timeout 2s',
      'CMD ["plugd", "start"]',
      '$ until plugd list | grep -q kv; do sleep 1; done',
      `(until false; do plugd call kv Get -d '{"key":"a b"}' > answer; done) &`,
      'plugd unpin kv && plugd list',
    ].join('\n'),
    'here',
  );
  expect(found.map(({ words }) => words)).toEqual([
    ['start', '--quiet'],
    ['status', '--timeout', '2s'],
    ['start'],
    ['list'],
    ['call', 'kv', 'Get', '-d', '{"key":"a b"}'],
    ['unpin', 'kv'],
    ['list'],
  ]);
  expect(complaint(['status', '--timeout', '2000'], false)).toContain('30s');
  expect(complaint(['pin', 'kv'], false)).toContain('version');
  expect(complaint(['pin', 'kv'], true)).toBeUndefined();
  expect(lines('docs/operations.md').length).toBeGreaterThan(20);
});
