import { chmodSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { HostRoom } from '../support/host-room';
import { OneFileProject, plugdSdk } from '../support/one-file-project';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';

// A hundred megabytes each: in the full run only.
const describeInFull = process.env['PLUGD_FULL'] === '1' ? describe : describe.skip;

describeInFull('a binary with Node in it', () => {
  let project: OneFileProject;
  let binary: { path: string; sha256: string };

  beforeAll(async () => {
    project = new OneFileProject();
    [binary] = await project.build('--binary');
  }, 120_000);

  afterAll(() => project.dispose());
  afterEach(disposePlugins);

  test('runs where there is no Node, under a host that checks its sum', async () => {
    expect(statSync(binary.path).mode & 0o777).toBe(0o755);
    const room = await HostRoom.open();
    try {
      const plugin = await room.load(binary.path, {
        sha256: binary.sha256,
        inheritEnv: false,
        env: { PATH: project.at('dist') },
      });
      const { value } = await plugin.client(KvDefinition).get({ key: 'you' }, { timeoutMs: 20_000 });
      expect(Buffer.from(value).toString()).toBe('hello you');
    } finally {
      await room.close();
    }
  }, 60_000);

  test('has stacks that name the sources', async () => {
    const plugin = startPluginProcess(binary.path, { env: { FAIL_AT_IMPORT: '1', PATH: '' } });
    expect(await plugin.exit()).toMatchObject({ code: 1 });
    expect(plugin.stderr).toContain(`fail (${project.placeOf('src/failing.ts', 'new Error')})`);
  });

  test('says nothing about experiments', async () => {
    const plugin = startPluginProcess(binary.path);
    await plugin.handshake();
    expect(plugin.stderr).not.toContain('ExperimentalWarning');
  });

  test('is refused by a Node that has no place for it', async () => {
    const node = project.at('other-node');
    copyFileSync(process.execPath, node);
    const content = readFileSync(node);
    const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';
    for (let at = content.indexOf(fuse); at !== -1; at = content.indexOf(fuse, at)) content.write('X', at);
    writeFileSync(node, content);
    chmodSync(node, 0o755);
    const { code, stderr } = await project.run(['build', 'src/main.ts', '--binary'], [node, plugdSdk]);
    expect(code).toBe(1);
    expect(stderr).toContain('has no place for a program');
  }, 60_000);
});
