import { readFileSync } from 'node:fs';
import type { Channel } from '@grpc/grpc-js';
import { GRPCStdioDefinition, StdioData_Channel as Source } from '@plugd/protocol/gen/plugin/grpc_stdio';
import { ProbeDefinition, PrintRequest_Target as Target } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { disposePlugins, type PluginProcess, startPluginProcess } from '../support/plugin-process';
import { kvTs } from '../support/samples';
import { tailored } from '../support/tailored';

afterEach(disposePlugins);

const MIB = 1024 * 1024;

/** Reads what the plugin prints until it ends or the test stops it. */
class Reader {
  stdout = '';
  stderr = '';
  readonly #stop = new AbortController();
  readonly done: Promise<unknown>;

  constructor(channel: Channel) {
    this.done = this.#read(channel).catch((error: unknown) => error);
  }

  /** @returns what ended the stream, undefined if it ended well */
  stop(): Promise<unknown> {
    this.#stop.abort();
    return this.done;
  }

  async #read(channel: Channel): Promise<void> {
    const stdio = createPromiseClient(GRPCStdioDefinition, channel);
    for await (const { channel: source, data } of stdio.streamStdio({}, { signal: this.#stop.signal })) {
      if (source === Source.STDERR) this.stderr += data;
      else this.stdout += data;
    }
  }
}

async function print(plugin: PluginProcess, text: string, times = 1, target = Target.TARGET_STDOUT) {
  const probe = createPromiseClient(ProbeDefinition, await plugin.connect());
  for (let i = 0; i < times; i++) await probe.print({ target, text });
}

const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

test('what is printed reaches the one who reads, each channel in its order', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const reader = new Reader(await plugin.connect());
  await print(plugin, 'one\n');
  await print(plugin, 'two\n', 1, Target.TARGET_STDERR);
  await print(plugin, 'three ünïcödé\n');
  await plugin.until(() => reader.stdout.includes('three') && reader.stderr !== '', 'the output');
  expect(reader.stdout).toBe('one\nthree ünïcödé\n');
  expect(reader.stderr).toBe('two\n');
  await reader.stop();
});

test('10 MiB without a reader neither block the plugin nor stay in its memory; a late reader gets the last of it', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const line = `${'x'.repeat(64 * 1024 - 1)}\n`;
  await print(plugin, line, 16);
  const before = residentBytes(plugin.pid);
  await print(plugin, line, 160);
  await print(plugin, 'the last line\n');
  expect(residentBytes(plugin.pid) - before).toBeLessThan(48 * MIB);

  const reader = new Reader(await plugin.connect());
  await plugin.until(() => reader.stdout.endsWith('the last line\n'), 'the last line');
  expect(reader.stdout.length).toBeLessThanOrEqual(MIB);
  expect(reader.stdout.length).toBeGreaterThan(MIB / 2);
  await plugin.until(() => plugin.stderr.includes('output was dropped'), 'the log record');
  expect(plugin.logs()).toContainEqual(
    expect.objectContaining({ level: 'warn', fields: { stdout_bytes: expect.any(Number), stderr_bytes: 0 } }),
  );
  await reader.stop();
}, 30_000);

test('10 MiB reach a reader whole', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const reader = new Reader(await plugin.connect());
  const chunk = 'y'.repeat(64 * 1024);
  await print(plugin, chunk, 160);
  await plugin.until(() => reader.stdout.length === 10 * MIB, 'all of it');
  expect(reader.stdout).toBe(chunk.repeat(160));
  await reader.stop();
}, 30_000);

test('a second reader is refused, and has its turn once the first has left', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const first = new Reader(await plugin.connect());
  await print(plugin, 'a\n');
  await plugin.until(() => first.stdout === 'a\n', 'the first line');
  expect(await new Reader(await plugin.connect()).done).toMatchObject({ codeName: 'UNAVAILABLE' });
  await first.stop();
  let heard = '';
  // The plugin hears a moment later that the first has left.
  for (let attempt = 0; heard === '' && attempt < 50; attempt++) {
    const next = new Reader(await plugin.connect());
    await print(plugin, 'b\n');
    await Promise.race([next.done, plugin.until(() => next.stdout !== '', 'b', 500).catch(() => {})]);
    heard = next.stdout;
    await next.stop();
  }
  expect(heard).toMatch(/^(b\n)+$/);
});

test('what a module printed while it was loaded comes first', async () => {
  const plugin = tailored({}, {}, ['guarded.cjs']);
  const reader = new Reader(await plugin.connect());
  await plugin.until(() => reader.stdout.includes('fs.write\n'), 'the banners');
  expect(reader.stdout).toBe(
    [
      'a banner by console.log',
      'a banner by process.stdout',
      'a banner by fs.writeSync',
      'a banner by fs.write',
      '',
    ].join('\n'),
  );
  await reader.stop();
});

test('the stream ends well when the plugin leaves, with all that was printed before', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const reader = new Reader(await plugin.connect());
  await print(plugin, 'last words\n');
  plugin.child.kill('SIGTERM');
  expect(await reader.done).toBeUndefined();
  expect(reader.stdout).toBe('last words\n');
  expect(await plugin.exit()).toEqual({ code: 0, signal: null });
});

test('standard error that nobody ever read is on the real one after the end', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  await print(plugin, 'nobody heard this\n', 1, Target.TARGET_STDERR);
  await print(plugin, 'nor that\n');
  expect(plugin.stderr).not.toContain('nobody heard');
  plugin.child.kill('SIGTERM');
  await plugin.exit();
  expect(plugin.stderr).toContain('nobody heard this\n');
  expect(plugin.stdout.split('\n')).toHaveLength(2);
});
