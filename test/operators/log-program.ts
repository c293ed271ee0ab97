import { createInterface } from 'node:readline';
import { createHost } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { LogBook } from '../../host/src/logs/log-book';

// Keeps a log in a process that is killed, or whose disk is full.

/** Logs without end, at all levels. */
function write(book: LogBook): void {
  let count = 0;
  const some = (): void => {
    for (let i = 0; i < 200; i++, count++) {
      const level = count % 50 === 0 ? 'error' : 'info';
      book.logger[level](`n${count}`, { pad: 'x'.repeat(count % 700) });
    }
    setImmediate(some);
  };
  some();
}

/** Does what it is told, a line each, and answers with a line. */
function obey(book: LogBook): void {
  const lines = createInterface(process.stdin);
  lines.on('line', (line) => {
    const [what = '', text = '', count = '1'] = line.split('\t');
    if (what === 'info' || what === 'error') {
      for (let i = 0; i < Number(count); i++) book.logger[what](`${text}${i}`, { pad: 'x'.repeat(200) });
    }
    // What is logged is tried to be written at the end of the turn.
    setImmediate(() => {
      const { counters, problem } = book;
      process.stdout.write(`${JSON.stringify({ ...counters, problem: problem?.code ?? null })}\n`);
    });
  });
  lines.on('close', () => void book.close());
}

/** Has a plugin crash, and is killed as soon as anybody hears of that. */
async function crash(book: LogBook, command: string): Promise<void> {
  const host = await createHost({ logger: book.logger });
  host.on('event', book.observe);
  host.on('event', (event) => {
    if (event.type === 'restart') process.kill(process.pid, 'SIGKILL');
  });
  const plugin = await host.load({
    name: 'kv',
    version: '3.2.1',
    command,
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
    env: { CHAOS: 'panic-on-call' },
  });
  // It fails, before or after the host has heard of the crash.
  await plugin
    .client(KvDefinition)
    .get({ key: 'k' }, { timeoutMs: 20_000 })
    .catch(() => {});
}

async function main(): Promise<void> {
  const [mode, directory = '', maxBytes = '', command = ''] = process.argv.slice(2);
  const book = await LogBook.open({ directory, maxBytes: Number(maxBytes), maxFiles: 100 });
  process.stdout.write('ready\n');
  if (mode === 'write') write(book);
  else if (mode === 'obey') obey(book);
  else await crash(book, command);
}

void main();
