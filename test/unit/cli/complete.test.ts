import { argumentKinds } from '../../../host/src/cli/completion/argument-kinds';
import { complete, type NameSource } from '../../../host/src/cli/completion/complete';
import { CliContext } from '../../../host/src/cli/context';
import { createProgram } from '../../../host/src/cli/program';

const silent = { write: () => true };
const program = createProgram(new CliContext({ stdout: silent, stderr: silent, env: {}, cwd: () => '/' }));

const known: NameSource = async (kind, before) => {
  if (kind === 'pinned') return ['held'];
  if (kind === 'busy') throw new Error('the daemon is gone');
  if (kind.startsWith('version')) return [`${before[0]}-1.0.0`, '2.0.0'];
  if (kind === 'method') return ['a.v1.A/Get', 'a.v1.A/Put'];
  return ['kv', 'other', '$(rm)', 'a b', ''];
};

test.each<[line: string, words: string[], files?: true]>([
  ['st', ['status', 'start', 'stop']],
  ['help e', ['events']],
  ['describe ', ['kv', 'other']],
  ['describe kv ', []],
  ['list kv ', ['other']],
  ['-o json describe k', ['kv']],
  ['--socket x describe k', ['kv']],
  ['describe -o json k', ['kv']],
  ['pin kv ', ['kv-1.0.0', '2.0.0']],
  ['pin -q kv 2', ['2.0.0']],
  ['upgrade kv ', ['kv-1.0.0', '2.0.0'], true],
  ['unpin ', ['held']],
  ['abort ', []],
  ['call kv a.v1.A/P', ['a.v1.A/Put']],
  ['list -o ', ['table', 'json', 'yaml', 'name']],
  ['list --output=', ['table', 'json', 'yaml', 'name']],
  ['list --output = j', ['json']],
  ['list --state st', ['starting', 'stopping', 'stopped']],
  ['logs --level w', ['warn']],
  ['logs --se', []],
  ['logs --si', ['--since']],
  ['logs --since ', []],
  ['list -- --s', []],
  ['--socket ', [], true],
  ['conform ', [], true],
  ['completion ', ['bash']],
  ['nonsense ', []],
  ['__complete ', []],
])('plugd %s', async (line, words, files = undefined) => {
  expect(await complete(program, line.split(' '), known)).toEqual({ files: files === true, words });
});

test('of each verb it is known what its arguments name', () => {
  for (const verb of program.commands.filter((one) => one.name() !== '__complete')) {
    const named = verb.registeredArguments.filter(({ argChoices }) => argChoices === undefined);
    // What a plugin is started with is its own.
    const kinds = argumentKinds[verb.name()] ?? [];
    const open = named.filter((one) => one.name() !== 'args');
    expect({ verb: verb.name(), arguments: kinds.length }).toEqual({
      verb: verb.name(),
      arguments: open.length,
    });
  }
});
