import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GRPCControllerDefinition } from '@plugd/protocol/gen/plugin/grpc_controller';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { disposePlugins, type PluginProcess, startPluginProcess } from '../support/plugin-process';
import { kvTs } from '../support/samples';
import { tailored } from '../support/tailored';

afterEach(disposePlugins);

const messages = (plugin: PluginProcess): string[] => plugin.logs().map(({ message }) => message);

async function shutDown(plugin: PluginProcess): Promise<void> {
  await createPromiseClient(GRPCControllerDefinition, await plugin.connect()).shutdown(
    {},
    { timeoutMs: 20_000 },
  );
}

describe('asked to leave', () => {
  const ways: [string, (plugin: PluginProcess) => Promise<unknown>][] = [
    ['Shutdown', shutDown],
    ...(['SIGTERM', 'SIGHUP', 'SIGQUIT'] as const).map(
      (signal): [string, (plugin: PluginProcess) => Promise<unknown>] => [
        signal,
        async (plugin) => plugin.child.kill(signal),
      ],
    ),
  ];

  test.each(ways)(
    'by %s it runs its hooks in reverse order, exits with 0 and leaves no socket',
    async (_name, ask) => {
      const plugin = tailored({ hooks: ['note', 'throw', 'note'] });
      const { address } = await plugin.handshake();
      expect(existsSync(address)).toBe(true);
      await ask(plugin);
      expect(await plugin.exit()).toEqual({ code: 0, signal: null });
      expect(messages(plugin).filter((message) => /hook/.test(message))).toEqual([
        'hook 2',
        'hook 1',
        'a shutdown hook failed',
        'hook 0',
      ]);
      expect(readdirSync(plugin.directory)).toEqual([]);
    },
  );

  test('Shutdown is answered, and the process is gone right after', async () => {
    const plugin = startPluginProcess(kvTs('2'));
    await plugin.connect();
    await shutDown(plugin);
    const answered = performance.now();
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
    expect(performance.now() - answered).toBeLessThan(5_000);
    expect(messages(plugin)).toContain('the store is closed');
  });

  test('a call in flight may end, an endless stream is told so', async () => {
    const plugin = startPluginProcess(kvTs('2'));
    const channel = await plugin.connect();
    const watch = createPromiseClient(KvDefinition, channel).watch({ key: 'a', intervalMs: 3_600_000 });
    const iterator = watch[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ sequence: 1 });
    const sleep = createPromiseClient(ProbeDefinition, channel).sleep({ durationMs: 300 });
    // It has begun once a later call has been answered.
    await createPromiseClient(ProbeDefinition, channel).echo({});
    await shutDown(plugin);
    expect(await sleep).toEqual({});
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
  });

  test('a call without an end is cut after the grace', async () => {
    const plugin = tailored({ serve: { shutdownGraceMs: 200 } });
    const kv = createPromiseClient(KvDefinition, await plugin.connect());
    const put = kv.put({ key: 'a' }).catch((error: unknown) => error);
    await kv.get({ key: 'a' }).catch(() => {});
    await shutDown(plugin);
    expect(await put).toMatchObject({ code: expect.any(Number) });
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
    expect(messages(plugin)).toContain('calls in flight are cut');
  });

  test('a hook that hangs is given up at the deadline', async () => {
    const plugin = tailored({ hooks: ['note', 'hang'], serve: { shutdownTimeoutMs: 300 } });
    await plugin.connect();
    const asked = performance.now();
    await shutDown(plugin);
    expect(performance.now() - asked).toBeGreaterThanOrEqual(295);
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
    expect(plugin.logs()).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'shutdown hooks took too long',
        fields: { timeout_ms: 300, unfinished: 2 },
      }),
    );
  });
});

test('a start that fails after setup runs the hooks too', async () => {
  const plugin = tailored({ hooks: ['note'] }, { env: { PLUGIN_UNIX_SOCKET_DIR: '/nowhere/at/all' } });
  expect(await plugin.exit()).toEqual({ code: 1, signal: null });
  expect(messages(plugin)).toEqual(expect.arrayContaining(['plugin init error', 'hook 0']));
});

test('SIGINT is the host’s business: the plugin notes it and goes on', async () => {
  const plugin = startPluginProcess(kvTs('2'));
  const kv = createPromiseClient(KvDefinition, await plugin.connect());
  for (const count of [1, 2]) {
    plugin.child.kill('SIGINT');
    await plugin.until(
      () => messages(plugin).filter((message) => message.includes('interrupt')).length === count,
      'the note',
    );
  }
  expect(plugin.logs()).toContainEqual(
    expect.objectContaining({
      level: 'trace',
      message: 'plugin received interrupt signal, ignoring',
      fields: { count: 2 },
    }),
  );
  expect(await kv.get({ key: 'a' })).toMatchObject({ found: false });
});

describe('a crash', () => {
  test.each([
    ['exception', 'nobody caught this'],
    ['rejection', 'nobody awaited this'],
  ] as const)(
    'by an %s is logged with its stack, exits with 1 and leaves no socket',
    async (crash, error) => {
      const plugin = tailored({ crash });
      await plugin.handshake();
      expect(await plugin.exit()).toEqual({ code: 1, signal: null });
      expect(plugin.logs()).toContainEqual(
        expect.objectContaining({
          level: 'error',
          message: 'plugin crashed',
          module: 'tailored',
          fields: expect.objectContaining({ error, stack: expect.stringContaining('tailored.cjs') }),
        }),
      );
      expect(readdirSync(plugin.directory)).toEqual([]);
    },
  );

  test('shows what was on standard error and nobody had read', async () => {
    const plugin = tailored({ crash: 'exception' });
    await plugin.exit();
    expect(plugin.stderr).toContain('last words on standard error\n');
  });

  test('an exit of the plugin’s own leaves no socket either', async () => {
    const plugin = tailored({ crash: 'exit' });
    expect(await plugin.exit()).toEqual({ code: 7, signal: null });
    expect(readdirSync(plugin.directory)).toEqual([]);
  });
});

describe('when the process that started it is gone', () => {
  const parent = join(__dirname, '../support/plugins/parent.cjs');
  const startOrphan = async (env: Readonly<Record<string, string>>) => {
    const starter = startPluginProcess(process.execPath, { args: [parent, kvTs('2')], env });
    const { address } = await starter.handshake();
    await starter.until(() => /child \d+\n/.test(starter.stderr), 'the pid of the plugin');
    const pid = Number(/child (\d+)\n/.exec(starter.stderr)?.[1]);
    starter.child.kill('SIGKILL');
    return { starter, address, pid };
  };

  test('it leaves within a second or so, and takes its socket along', async () => {
    const { starter, address, pid } = await startOrphan({});
    await starter.until(() => !isRunning(pid), 'the plugin to leave', 5000);
    expect(existsSync(address)).toBe(false);
    expect(messages(starter)).toContain('the store is closed');
  });

  test('it stays where it was told to', async () => {
    const { pid, address } = await startOrphan({ PLUGD_EXIT_WITH_PARENT: '0' });
    try {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(isRunning(pid)).toBe(true);
      expect(existsSync(address)).toBe(true);
    } finally {
      process.kill(pid, 'SIGTERM');
    }
  });
});

/** A zombie has gone, although its pid still answers. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
