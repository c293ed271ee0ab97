import type { BeginOperationRequest, OperationRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { errorFromDocument } from '../../admin/error-wire';
import type { CliContext } from '../context';
import { operationDocument } from '../documents';
import { exitCodes } from '../exit-code';
import { asJson } from '../output/json';
import { visible } from '../output/visible';
import { asYaml } from '../output/yaml';
import { listOf, numberOf, type PlainData, recordOf, textOf } from '../plain-data';
import { reportError } from '../report-error';
import { followOperation, goesOn } from './follow-operation';
import { versionsOf } from './picture';
import { spokenMs } from './spoken-ms';

export interface OperationAsked {
  readonly plugin: string;
  readonly operation: 'upgrade' | 'restart' | 'rollback';
  readonly target?: string;
  readonly options: PlainData;
  /** False: it is enough that it has begun. */
  readonly wait: boolean;
}

/** Begins an operation, shows it, and says how it ended: on stdout what it did, on stderr why not, and by the exit code. */
export async function runOperation(context: CliContext, asked: OperationAsked): Promise<void> {
  const { plugin, operation, target = '', options, wait } = asked;
  const client = await context.client();
  const request: BeginOperationRequest = { plugin, operation, target, options: { ...options } };
  const { operation: row } = await client.beginOperation(request, context.callOptions);
  if (row === undefined) throw new Error('the daemon has told nothing of the operation');
  if (!wait) {
    context.printDone(`${begunSentence(row)} ${goesOn(row)}`, row.id, operationDocument(row));
    return;
  }
  const end = await followOperation(context, client, row);
  if (end.kind === 'left') context.stderr.write(`${goesOn(row)}\n`);
  else if (end.kind === 'report') printReport(context, row, end.report);
  else printFailure(context, end.error);
}

function begunSentence(row: OperationRow): string {
  return `The ${row.operation} of ${row.plugin} ${versionsOf(row)} has begun.`;
}

function printReport(context: CliContext, row: OperationRow, report: PlainData): void {
  for (const warning of listOf(report['warnings'])) {
    const code = textOf(warning['code']);
    context.note(`plugd: warning: ${code === '' ? '' : `[${code}] `}${visible(textOf(warning['message']))}`);
  }
  context.printDone(reportSentence(row, report), row.id, { id: row.id, ...report });
}

function reportSentence(row: OperationRow, report: PlainData): string {
  const [plugin, to] = [row.plugin, textOf(recordOf(report['to'])['version'])];
  const took = spokenMs(numberOf(report['totalMs']));
  if (textOf(report['outcome']) === 'verified') {
    return `Version ${to} of ${plugin} was started, proved and stopped again in ${took}; nothing was changed.`;
  }
  const calls = recordOf(report['calls']);
  const counted = (['held', 'drained', 'cut', 'failed'] as const).map(
    (kind) => `${kind} ${numberOf(calls[kind])}`,
  );
  return (
    `Plugin ${plugin} runs ${to}: ${row.operation} by ${textOf(report['strategy'])} in ${took}; ` +
    `calls ${counted.join(', ')}.`
  );
}

/** What had begun was undone, and the plugin runs as before; or it was refused before that, or not even undoing it was possible. */
function printFailure(context: CliContext, document: PlainData): void {
  const error = errorFromDocument(document);
  if (error === undefined) reportForeign(context, document);
  else reportError(error, context);
  const { step, outcome } = recordOf(document['facts']);
  const begun = step !== undefined || textOf(document['code']) === 'ABORTED';
  context.exitWith(begun && outcome !== 'down' ? exitCodes.rolledBack : exitCodes.failed);
}

/** Of a daemon that is newer than this command: its code means nothing here, its sentence does. */
function reportForeign({ stderr, output }: CliContext, document: PlainData): void {
  const [code, message] = [textOf(document['code']), textOf(document['summary'])];
  if (output === 'json') stderr.write(asJson({ error: { code, message } }));
  else if (output === 'yaml') stderr.write(asYaml({ error: { code, message } }));
  else stderr.write(`plugd: ${code === '' ? '' : `[${visible(code)}] `}${visible(message)}\n`);
}
