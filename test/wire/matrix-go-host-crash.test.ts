import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { LoggedRecord } from '../support/driven-plugin';
import { GoHost } from '../support/go-host';
import { describeWithGo } from '../support/needs-go';
import { poll } from '../support/poll';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const program = join(__dirname, '../support/plugins/tailored.cjs');

// What a TS plugin that fails by itself looks like to a host made with go-plugin.
describeWithGo('Go host, TS plugin made to fail', () => {
  let host: GoHost;
  beforeEach(() => {
    host = new GoHost();
  });
  afterEach(() => host.close());

  const start = (order: object, env: readonly string[] = []) =>
    host.request('start', {
      command: [process.execPath, program],
      env: [`TAILORED=${JSON.stringify(order)}`, ...env],
    });
  const exited = () => host.request<{ exited: boolean; exit: object | null }>('exited');
  const logs = () => host.request<LoggedRecord[]>('logs');

  test.each([
    ['exception', 'nobody caught this'],
    ['rejection', 'nobody awaited this'],
  ])('a crash by %s ends calls with UNAVAILABLE, and the log says why', async (crash, reason) => {
    await start({ crash });
    // Tailored's watch goes on until the plugin drains.
    await expect(host.request('watch', { key: 'key' })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    const seen = await poll(exited, (answer) => answer.exited);
    expect(seen.exit).toEqual({ code: 1, signal: null });
    const records = await poll(logs, (all) => JSON.stringify(all).includes(reason));
    expect(records.some(({ level, message }) => level === 'error' && message.includes('exited'))).toBe(true);
    await host.request('kill');
  });

  test('a setup that throws fails the start, and says why in the log', async () => {
    await expect(start({ setup: 'throw' })).rejects.toThrow('Unrecognized remote plugin message');
    // The host of a failed start is free for the next one.
    await start({});
    expect(await host.request('kill')).toMatchObject({ forced: false, exit: { code: 0 } });
  });

  test('without a version in common the Go host refuses it by the plugin’s own line', async () => {
    await expect(start({ protocolVersions: [7] })).rejects.toThrow(
      'incompatible API version with plugin. Plugin version: 7',
    );
  });

  test('with another cookie it leaves before any line', async () => {
    await expect(start({ cookie: ['KV_PLUGIN', 'other'] })).rejects.toThrow(
      "Failed to read any lines from plugin's stdout",
    );
  });

  test('hooks that run at the end are waited for, and what they log still arrives', async () => {
    await start({ hooks: ['note', 'throw', 'note'] });
    expect(await host.request('kill')).toMatchObject({ forced: false, exit: { code: 0 } });
    const hooks = (await logs()).map(({ message }) => message).filter((text) => text.startsWith('hook '));
    expect(hooks).toHaveLength(3);
  });
});
