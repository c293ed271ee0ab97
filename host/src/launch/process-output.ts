import { LogLineParser, type LogRecord } from '@plugd/protocol/log-record';
import type { Platform } from '../platform/platform';
import { HandshakeReader, type HandshakeResult } from './handshake-reader';
import type { KeptProcess, OutputStream } from './keeper';
import type { OutputListener } from './launch-spec';
import { OutputBudget } from './output-budget';
import type { OutputCounters } from './output-counters';
import { OutputPump } from './output-pump';
import type { OutputTail } from './output-tail';
import { waitAtMost } from './wait-at-most';

/** Time for what still stands in the pipes of a process that has ended; a grandchild may hold them for ever. */
export const PIPES_AFTER_EXIT_MS = 200;

/** Everything a process prints: the first line of stdout is the handshake, all else becomes records. */
export class ProcessOutput {
  readonly handshake: Promise<HandshakeResult>;
  readonly reader: HandshakeReader;
  /** Settles when all that will be read of an ended process has been read. */
  readonly ended: Promise<void>;
  readonly #pumps: Readonly<Record<OutputStream, OutputPump>>;

  constructor(
    kept: KeptProcess,
    options: {
      readonly platform: Platform;
      readonly onOutput: OutputListener;
      readonly stderr: OutputTail;
    },
  ) {
    let settle: (result: HandshakeResult) => void = () => {};
    this.handshake = new Promise((resolve) => {
      settle = resolve;
    });
    const reader = new HandshakeReader((result) => settle(result));
    this.reader = reader;
    const budget = new OutputBudget();
    const parser = new LogLineParser();
    const onRecord = guarded(options.onOutput);
    const stdout = new OutputPump({ stream: 'stdout', budget, parse: stdoutRecord, onRecord });
    const stderr = new OutputPump({
      stream: 'stderr',
      budget,
      parse: (line) => parser.parse(line),
      onRecord,
      tail: options.stderr,
    });
    this.#pumps = { stdout, stderr };
    const stdoutDecoder = options.platform.outputDecoder();
    const stderrDecoder = options.platform.outputDecoder();
    kept.onOutput('stdout', (chunk) => {
      const pauseMs = stdout.push(reader.push(stdoutDecoder.decode(chunk)));
      if (pauseMs > 0) kept.holdOutput('stdout', pauseMs);
    });
    kept.onOutput('stderr', (chunk) => {
      const pauseMs = stderr.push(stderrDecoder.decode(chunk));
      if (pauseMs > 0) kept.holdOutput('stderr', pauseMs);
    });
    this.ended = untilEnd(kept).then(() => {
      stdout.end();
      stderr.end();
    });
  }

  /** The handshake line is not in it. */
  counters(): Record<OutputStream, OutputCounters> {
    return { stdout: this.#pumps.stdout.counters, stderr: this.#pumps.stderr.counters };
  }
}

async function untilEnd(kept: KeptProcess): Promise<void> {
  const pipes = Promise.all([kept.outputEnded('stdout'), kept.outputEnded('stderr')]);
  await Promise.race([pipes, kept.exited]);
  await waitAtMost(pipes, PIPES_AFTER_EXIT_MS);
  // A host that was itself held up for that long still has to read what is there.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  kept.closeOutput();
}

function stdoutRecord(line: string): LogRecord {
  return { level: 'debug', message: line, fields: { stream: 'stdout' } };
}

/** A listener that throws must not take the pipes along. */
function guarded(listener: OutputListener): OutputListener {
  return (record, stream) => {
    try {
      listener(record, stream);
    } catch {
      // The application's to notice; here nothing can be done about it.
    }
  };
}
