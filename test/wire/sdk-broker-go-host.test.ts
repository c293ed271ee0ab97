import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GoHost } from '../support/go-host';
import { describeWithGo } from '../support/needs-go';
import { eventually, isRunning } from '../support/processes';
import { counterGo, counterTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

interface Numbered {
  readonly value: number;
  readonly servedBy: string;
  readonly pid: number;
}

interface Killed {
  readonly forced: boolean;
  readonly exit: { readonly code: number | null; readonly signal: string | null };
}

const modes = [
  ['plain', false, false],
  ['plain, multiplexed', false, true],
  ['AutoMTLS', true, false],
  ['AutoMTLS, multiplexed', true, true],
] as const;

/** Those that are the least and the most that a mode can be: with each of them all is tried every day. */
const extremes = ['plain', 'AutoMTLS, multiplexed'];

describeWithGo.each(modes)('under a Go host, %s', (name, autoMtls, multiplex) => {
  const whole = full || extremes.includes(name);
  describe('the TS counter', () => suite('TS', { autoMtls, multiplex, whole }));
  // Here nothing is ours: it shows that the same is asked of both.
  if (whole) describe('the Go counter', () => suite('Go', { autoMtls, multiplex, whole }));
});

interface Way {
  readonly autoMtls: boolean;
  readonly multiplex: boolean;
  readonly whole: boolean;
}

function suite(language: 'TS' | 'Go', { autoMtls, multiplex, whole }: Way): void {
  let sockets: string;
  let host: GoHost;
  let pid: number;

  beforeEach(async () => {
    sockets = mkdtempSync(join(tmpdir(), 'sdk-broker-'));
    host = new GoHost();
    const started = await host.request<{ pid: number; version: number }>('start', {
      command: [language === 'TS' ? counterTs('2') : counterGo('2')],
      cookie: ['COUNTER_PLUGIN', 'hello'],
      versions: [1, 2],
      autoMtls,
      multiplex,
      env: [`TMPDIR=${sockets}`],
    });
    expect(started.version).toBe(2);
    pid = started.pid;
  });

  afterEach(async () => {
    await host.close();
    rmSync(sockets, { recursive: true, force: true });
  });

  async function leave(): Promise<void> {
    expect(await host.request<Killed>('kill')).toMatchObject({ forced: false, exit: { code: 0 } });
    expect(isRunning(pid)).toBe(false);
    // go-plugin leaves sockets behind: its first one when it is multiplexed, brokered ones now and then.
    if (language === 'TS') expect(readdirSync(sockets)).toEqual([]);
  }

  test('the plugin calls the host back, and the host dials a session of the plugin', async () => {
    for (const value of [5, 10]) {
      const put = await host.request<Numbered>('counter-put', { key: 'a', value: 5 });
      expect(put).toEqual({ value, servedBy: '2.0.0', pid });
    }
    expect(await host.request('counter-get', { key: 'a' })).toMatchObject({ found: true, value: 10 });
    expect(await host.request<Numbered>('counter-session', { key: 'a' })).toEqual({
      value: 10,
      servedBy: '2.0.0',
      pid,
    });
    // Of the session's server nothing is left, soon after its last connection has gone.
    await eventually(() => readdirSync(sockets).length === 1, 5000, 'the session’s socket has gone');
    await leave();
  });

  // How go-plugin does with itself under load is its own affair; multiplexed, it mixes up dials back that come at once.
  if (language === 'Go' || !whole) return;

  test('32 at once call back and read through sessions, none wrong', async () => {
    const n = full ? 640 : 64;
    const done = await host.request<{ calls: number }>('counter-many', { n, concurrency: 32 });
    expect(done.calls).toBe(n);
    await leave();
  });

  test('it leaves when asked with brokered servers open on both sides', async () => {
    const { helper } = await host.request<{ helper: number }>('counter-serve');
    await host.request('counter-put', { key: 'a', value: 1, helper });
    await host.request('counter-serve');
    await host.request('counter-session', { key: 'a', keep: true });
    await leave();
  });
}
