import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../host/src/cli/run';
import { readConfig } from '../../../host/src/config/read-config';
import { lookOf } from '../../../host/src/daemon/config-watch';
import { startDaemon } from '../../../host/src/daemon/daemon';
import { eventually } from '../../support/processes';

// What happens while a daemon starts, in this process: from outside nobody could be sure to hit that time.

let directory: string;
let env: Record<string, string>;
let configFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'early-'));
  mkdirSync(join(directory, 'run'), { mode: 0o700 });
  env = { XDG_RUNTIME_DIR: join(directory, 'run'), XDG_STATE_HOME: directory, HOME: directory };
  configFile = join(directory, 'plugd.yaml');
  writeFileSync(configFile, 'version: 1\npluginsDir: false\n');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The clients and outcomes of all that was reconciled. */
function reconciled(): string[] {
  const path = join(directory, 'plugd', 'audit.jsonl');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ verb }) => verb === 'reconcile')
    .map(({ client, outcome }) => `${client} ${outcome}`);
}

test('a config that changes after it was read, and before anybody watches it, counts', async () => {
  const configLook = lookOf(configFile);
  const config = await readConfig(configFile);
  writeFileSync(configFile, 'version: 1\npluginsDir: false\nlogs: { level: warn }\n');
  const about = { config, configFile, configLook, version: '1.0.0', stderr: undefined };
  const daemon = await startDaemon({ ...about, env, cwd: directory });
  await eventually(() => reconciled().length > 0, 4_000, 'it is reconciled');
  await daemon.stop();
  expect(reconciled()).toEqual(['config done']);
});

test('SIGHUP while it starts lets it read its config when it has started', async () => {
  const interrupts: (() => void)[] = [];
  const ended = run(['start', '--quiet'], {
    stdout: { write: () => true },
    stderr: { write: () => true },
    env,
    cwd: () => directory,
    on: (_signal: string, listener: () => void) => interrupts.push(listener),
  });
  await eventually(() => process.listenerCount('SIGHUP') > 0, 4_000, 'it hears signals');
  process.emit('SIGHUP');
  expect(existsSync(join(directory, 'plugd'))).toBe(false);
  await eventually(() => reconciled().length > 0, 4_000, 'it is reconciled');
  interrupts[0]?.();
  expect(await ended).toBe(0);
  expect(reconciled()).toEqual(['signal done']);
});
