// A host in a process of its own, to be killed: bundled and run by launch-killed-host.test.ts.
// argv: the chaos plugin, the mark of the test, what to do.
import { Launcher } from '../../host/src/launch/launcher';
import { selectPlatform } from '../../host/src/platform/select-platform';

const [, , chaos = '', mark = '', what = ''] = process.argv;

async function main(): Promise<void> {
  const launcher = new Launcher({ platform: selectPlatform() });
  await launcher.open();
  const start = (mode: string, id: string) =>
    launcher.start(
      {
        id,
        plugin: 'chaos',
        version: '1.0.0',
        generation: 1,
        command: chaos,
        args: [],
        env: { CHAOS: mode, TEST_MARK: mark },
        inheritEnv: true,
        cwd: '/',
        stdin: 'ignore',
        cookie: ['KV_PLUGIN', 'hello'],
        protocolVersions: [1],
        certificate: null,
        startTimeoutMs: 20_000,
      },
      { onOutput: () => {} },
    );
  const say = (extra: object): void => {
    const { directory, guardianPid } = launcher;
    process.stdout.write(`${JSON.stringify({ directory, guardianPid, ...extra })}\n`);
  };
  if (what === 'rest' || what === 'exit') {
    const modes = [
      'hang-shutdown',
      'grandchild-session;hang-shutdown',
      'grandchild-pipes;grandchild-group',
      'temp-socket',
    ];
    const instances = await Promise.all(modes.map((mode, i) => start(mode, `i${i}`)));
    say({ records: instances.map(({ record }) => record) });
    if (what === 'exit') process.exit(0);
  }
  if (what === 'start') {
    for (const id of ['a', 'b']) start('grandchild-session;silent', id).catch(() => {});
    say({});
  }
  if (what === 'storm') {
    say({});
    // Always in the middle of spawning something.
    for (;;) await start('line:nonsense', 'storm').catch(() => {});
  }
  if (what === 'hand-over') {
    const instance = await start('', 'kept');
    await launcher.handOver();
    say({ records: [instance.record] });
    process.exit(0);
  }
  setInterval(() => {}, 60_000);
}

void main();
