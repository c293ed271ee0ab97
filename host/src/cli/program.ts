import { type Argument, Command } from 'commander';
import { defineAbort } from './abort-command';
import { defineCall } from './call-command';
import { addCommonOptions, readCommonOptions } from './common-options';
import { defineCompletion } from './completion-command';
import { defineConform } from './conform-command';
import type { CliContext } from './context';
import { defineDescribe } from './describe-command';
import { defineDiff } from './diff-command';
import { defineDoctor } from './doctor-command';
import { defineEvents } from './events-command';
import { defineList } from './list-command';
import { defineLogs } from './logs-command';
import { ownVersion } from './own-version';
import { definePin } from './pin-command';
import { definePromote } from './promote-command';
import { defineRestart } from './restart-command';
import { defineRollback } from './rollback-command';
import { defineStart } from './start-command';
import { defineStatus } from './status-command';
import { defineStop } from './stop-command';
import { defineUnpin } from './unpin-command';
import { defineUpgrade } from './upgrade-command';
import { defineVersion } from './version-command';

/** The command with all its verbs. Each one is defined in a file of its own. */
export function createProgram(context: CliContext): Command {
  const program = new Command('plugd')
    .description('Runs plugins, and replaces running ones without failing a call.')
    .version(ownVersion(), '--version', 'prints the version')
    .usage('<verb> [options]')
    .helpOption('-h, --help', 'prints this')
    .addHelpCommand(
      new Command('help').argument('[verb]').summary('prints how a verb is used').helpGroup(commandGroup),
    )
    // Each verb says what its options mean: a plugin that is examined or called has others of the same name.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'plugd: ')),
      getOutHelpWidth: () => helpWidth,
      getErrHelpWidth: () => helpWidth,
    })
    .configureHelp({
      subcommandTerm: (verb) => [verb.name(), ...verb.registeredArguments.map(humanReadable)].join(' '),
    })
    .addHelpText('beforeAll', ({ error }) =>
      error ? 'plugd: A verb is missing, or there is none of that name.\n' : '',
    )
    .addHelpText('after', ending);
  program.hook('preAction', (_program, action) => context.use(action.name(), readCommonOptions(action)));

  program.commandsGroup('Plugins:');
  defineStatus(program, context);
  defineList(program, context);
  defineDescribe(program, context);
  defineLogs(program, context);
  defineEvents(program, context);
  defineCall(program, context);

  program.commandsGroup('Changing what runs:');
  defineUpgrade(program, context);
  defineRestart(program, context);
  defineRollback(program, context);
  definePromote(program, context);
  defineAbort(program, context);
  definePin(program, context);
  defineUnpin(program, context);
  defineDiff(program, context);

  program.commandsGroup('The daemon:');
  defineStart(program, context);
  defineStop(program, context);

  program.commandsGroup('Looking for faults:');
  defineDoctor(program, context);
  defineConform(program, context);

  program.commandsGroup(commandGroup);
  defineCompletion(program, context);
  defineVersion(program, context);

  // Before the verb they are taken too; what they mean stands behind `plugd <verb> --help`.
  addCommonOptions(program, { hidden: true });
  for (const verb of program.commands) if (verb.name() !== 'conform') addCommonOptions(verb);
  return program;
}

function humanReadable(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

const commandGroup = 'The command:';

/** The same everywhere, so that documents can show it. */
const helpWidth = 100;

const ending = `
plugd <verb> --help shows the options of a verb.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no daemon answers, 4 what had begun was undone, 5 timeout,
130 interrupted, 143 terminated.`;
