import { dirname } from 'node:path';
import { decodeCertificateField } from '@plugd/protocol/certificate-encoding';
import {
  CORE_PROTOCOL_VERSION,
  type HandshakeLine,
  parseHandshakeLine,
} from '@plugd/protocol/handshake-line';
import { PluginError } from '@plugd/protocol/plugin-error';
import { checkRunnable } from '../artifact/runnable';
import type { Platform } from '../platform/platform';
import { checkOffer } from './address-check';
import { cookieRejected, diagnoseStart, rejectedCookie, type StartFailure } from './diagnosis';
import { endProcess } from './end-process';
import type { HandshakeResult } from './handshake-reader';
import type { InstanceRecord } from './instance-record';
import type { ExitInfo, Keeper, KeptProcess } from './keeper';
import type { LaunchOptions, LaunchSpec } from './launch-spec';
import { OutputTail } from './output-tail';
import { processEnvironment } from './process-environment';
import { ProcessOutput } from './process-output';
import { makeScratchDirectory, removeInstanceDirectory } from './run-directory';
import { waitAtMost } from './wait-at-most';
import { describeExit, Witness } from './witness';

/** For a process that printed rubbish to end by itself, so that the error can say how it did. */
const LAST_WORDS_MS = 100;

export interface StartPlace {
  readonly platform: Platform;
  readonly keeper: Keeper;
  readonly token: string;
  /** Makes the directory of the instance, for the members of a group if one is given. */
  readonly directoryFor: (group: number | undefined) => string;
  /** Whether it is a running instance of this host that listens there. */
  readonly isTaken: (offered: HandshakeLine) => boolean;
}

export interface StartedProcess {
  readonly record: InstanceRecord;
  readonly kept: KeptProcess;
  readonly witness: Witness;
  readonly output: ProcessOutput;
}

/** One start: check the file, prepare the place, spawn, read and check the handshake line; or undo it all. */
export async function startProcess(
  spec: LaunchSpec,
  options: LaunchOptions & { readonly signal: AbortSignal },
  place: StartPlace,
): Promise<StartedProcess> {
  const { platform } = place;
  throwIfAborted(options.signal, spec);
  const group = await socketGroup(spec, platform);
  const environment = (directory: string) =>
    processEnvironment(spec, { directory, token: place.token }, process.env, platform.style === 'windows');
  const executable = await checkRunnable(spec.command, { env: environment('') });
  throwIfAborted(options.signal, spec);
  const directory = place.directoryFor(group);
  const { id, plugin, version, generation } = spec;
  const witness = new Witness({
    about: { id, plugin, version, generation },
    executable,
    stderr: new OutputTail(),
  });
  let kept: KeptProcess | undefined;
  try {
    if (spec.scratch === true) makeScratchDirectory(directory, group !== undefined);
    const startedAt = Date.now();
    const { command, args, cwd, stdin } = spec;
    kept = await place.keeper.start({
      command,
      args,
      cwd,
      stdin,
      env: environment(directory),
      token: place.token,
    });
    const output = new ProcessOutput(kept, { platform, onOutput: options.onOutput, stderr: witness.stderr });
    witness.watch(kept, () => output.reader.head);
    const line = await handshake(kept, output, spec, options.signal, witness);
    checkOffer(line, spec, platform, witness, place.isTaken);
    const record = recordOf(spec, line, { kept, directory, token: place.token, startedAt });
    return {
      record: { ...record, startTime: await kept.startTime },
      kept,
      witness,
      output,
    };
  } catch (error) {
    const left = await undo(kept, directory, place);
    throw error instanceof PluginError && left.length > 0 ? error.withFacts({ notEnded: left }) : error;
  }
}

async function socketGroup(spec: LaunchSpec, platform: Platform): Promise<number | undefined> {
  const { unixSocketGroup } = spec;
  if (unixSocketGroup === undefined || !platform.unixSockets) return undefined;
  const id = await platform.groupId(unixSocketGroup);
  if (id !== undefined) return id;
  throw new PluginError('SOCKET_GROUP_UNKNOWN', `There is no group ${JSON.stringify(unixSocketGroup)}.`, {
    facts: { unixSocketGroup },
  });
}

async function handshake(
  kept: KeptProcess,
  output: ProcessOutput,
  spec: LaunchSpec,
  signal: AbortSignal,
  witness: Witness,
): Promise<HandshakeLine> {
  const result = await firstLine(kept, output, spec, signal);
  if (result.kind !== 'line') {
    // One that says nothing has been waited for long enough; the others may be about to end.
    if (result.kind !== 'timeout') await lastWords(kept, output);
    throw diagnoseStart(result, spec.plugin, output.reader, witness);
  }
  let line: HandshakeLine;
  try {
    line = parseHandshakeLine(result.text, {
      versions: spec.protocolVersions,
      multiplex: spec.multiplex ?? false,
    });
  } catch (error) {
    // Who prints something else instead of the line often ends right after, and says why on stderr.
    const exit = await lastWords(kept, output);
    if (exit !== undefined && rejectedCookie(exit, output.reader, witness))
      throw cookieRejected(spec.plugin, witness);
    throw error instanceof PluginError ? error.withFacts(witness.facts()) : error;
  }
  if (kept.exit === undefined) return line;
  await lastWords(kept, output);
  throw witness.error(
    'PLUGIN_EXITED',
    `${spec.plugin} ended with ${describeExit(kept.exit)} right after its handshake line.`,
  );
}

async function lastWords(kept: KeptProcess, output: ProcessOutput): Promise<ExitInfo | undefined> {
  const exit = await waitAtMost(kept.exited, LAST_WORDS_MS);
  if (exit !== undefined) await output.ended;
  return exit;
}

/** Waits for the first line of stdout, or for what makes waiting useless. */
async function firstLine(
  kept: KeptProcess,
  output: ProcessOutput,
  spec: LaunchSpec,
  signal: AbortSignal,
): Promise<HandshakeResult | StartFailure> {
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(abortError(signal, spec));
    signal.addEventListener('abort', abort, { once: true });
    // It may have fired while the process was made.
    if (signal.aborted) abort();
  });
  const stdoutClosed = kept.outputEnded('stdout').then(async (): Promise<StartFailure> => {
    // Most often it was the process that ended; then its exit says more.
    const exit = await waitAtMost(kept.exited, LAST_WORDS_MS * 2);
    return exit === undefined ? { kind: 'stdout closed' } : { kind: 'exit', exit };
  });
  const exited = kept.exited.then(async (exit): Promise<StartFailure> => {
    // The line of one that ended at once may still stand in the pipe.
    await output.ended;
    return { kind: 'exit', exit };
  });
  try {
    const first = Promise.race([output.handshake, exited, stdoutClosed, aborted]);
    return (
      (await waitAtMost(first, spec.startTimeoutMs)) ?? { kind: 'timeout', limitMs: spec.startTimeoutMs }
    );
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function throwIfAborted(signal: AbortSignal, spec: LaunchSpec): void {
  if (signal.aborted) throw abortError(signal, spec);
}

function abortError(signal: AbortSignal, spec: LaunchSpec): PluginError {
  const { reason } = signal;
  if (reason instanceof PluginError) return reason;
  return new PluginError('ABORTED', `The start of ${spec.plugin} was given up.`, { cause: reason });
}

function recordOf(
  spec: LaunchSpec,
  line: HandshakeLine,
  about: { kept: KeptProcess; directory: string; token: string; startedAt: number },
): Omit<InstanceRecord, 'startTime'> {
  return {
    id: spec.id,
    plugin: spec.plugin,
    version: spec.version,
    generation: spec.generation,
    pid: about.kept.pid,
    group: about.kept.group,
    token: about.token,
    network: line.network,
    address: line.address,
    directory: about.directory,
    ...(spec.env['TMPDIR'] === undefined ? {} : { temporaryDirectory: spec.env['TMPDIR'] }),
    hostCertificate: spec.certificate,
    pluginCertificatePem: line.certificate === '' ? null : decodeCertificateField(line.certificate),
    coreVersion: CORE_PROTOCOL_VERSION,
    protocolVersion: line.appVersion,
    protocol: 'grpc',
    capabilities: { multiplex: line.multiplex === true },
    ...(spec.configDirectory === undefined ? {} : { configDirectory: spec.configDirectory }),
    ...(spec.ports === undefined ? {} : { ports: spec.ports }),
    broker: [],
    startedAt: about.startedAt,
  };
}

/** Leaves nothing of a start that failed; returns what could not be ended, which the guardian still knows of. */
async function undo(
  kept: KeptProcess | undefined,
  directory: string,
  place: StartPlace,
): Promise<readonly unknown[]> {
  try {
    if (kept !== undefined) {
      await endProcess(kept, { platform: place.platform, token: place.token, politeMs: 0 });
      kept.closeOutput();
    }
    await removeInstanceDirectory(directory, [dirname(directory)]);
    return [];
  } catch (error) {
    return [error instanceof PluginError ? error.summary : error];
  }
}
