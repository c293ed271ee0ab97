import { definePlugin, type PluginDefinition, PluginError } from '@plugd/sdk';
import { groupId } from '../../../sdk/src/net/socket-group';
import { cookieRefusal } from '../../../sdk/src/process/cookie';
import { watchParent } from '../../../sdk/src/process/parent-watch';
import { resolveServeOptions } from '../../../sdk/src/serve-options';

const good: PluginDefinition = {
  name: 'kv',
  version: '1.0.0',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  setup() {},
};

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error instanceof PluginError ? [error.code, error.facts['option']] : error;
  }
  return 'nothing was thrown';
};

describe('definePlugin', () => {
  test.each<[string, unknown, string]>([
    ['an empty name', { name: '' }, 'name'],
    ['a version that is none', { version: '1.0' }, 'version'],
    ['a cookie without a value', { handshake: { cookie: ['A'], protocolVersions: [1] } }, 'handshake.cookie'],
    ['no handshake', { handshake: undefined }, 'handshake.cookie'],
    [
      'no versions',
      { handshake: { cookie: ['A', 'b'], protocolVersions: [] } },
      'handshake.protocolVersions',
    ],
    [
      'half a version',
      { handshake: { cookie: ['A', 'b'], protocolVersions: [1.5] } },
      'handshake.protocolVersions',
    ],
    ['descriptors of another kind', { descriptors: 7 }, 'descriptors'],
    ['no setup', { setup: 'later' }, 'setup'],
    ['a state that is none', { state: 1 }, 'state'],
    ['schema 0', { state: { schema: 0, initial: () => 1 } }, 'state.schema'],
    ['half a schema', { state: { schema: 1.5, initial: () => 1 } }, 'state.schema'],
    ['a state without a beginning', { state: { schema: 1 } }, 'state.initial'],
    [
      'an encode without a decode',
      { state: { schema: 1, initial: () => 1, encode: () => Buffer.alloc(0) } },
      'state.decode',
    ],
    [
      'a migration from its own schema',
      { state: { schema: 2, initial: () => 1, migrate: { 2: () => 1 } } },
      'state.migrate.2',
    ],
    [
      'a migration from no number',
      { state: { schema: 2, initial: () => 1, migrate: { first: () => 1 } } },
      'state.migrate.first',
    ],
    [
      'a migration that is no function',
      { state: { schema: 2, initial: () => 1, migrate: { 1: {} } } },
      'state.migrate.1',
    ],
    ['an equal that is no function', { state: { schema: 1, initial: () => 1, equal: true } }, 'state.equal'],
    [
      'a state that may be shared maybe',
      { state: { schema: 1, initial: () => 1, shareable: 1 } },
      'state.shareable',
    ],
    [
      'snapshots before their time',
      { state: { schema: 1, initial: () => 1, snapshotEveryMs: -1 } },
      'state.snapshotEveryMs',
    ],
    ['no bytes at all', { state: { schema: 1, initial: () => 1, maxBytes: -1 } }, 'state.maxBytes'],
    ['a resource of no kind', { resources: { port: 'mine' } }, 'resources.port'],
    ['a resource without a name', { resources: { '': 'shared' } }, 'resources'],
    ['resources in a list', { resources: ['port'] }, 'resources.0'],
    ['single in words', { single: 'yes' }, 'single'],
  ])('refuses %s by name', (_name, change, option) => {
    const wrong = { ...good, ...(change as object) } as PluginDefinition;
    expect(codeOf(() => definePlugin(wrong))).toEqual(['OPTIONS_INVALID', option]);
  });

  test.each(['1.0.0', '0.0.1-rc.1', '10.20.30+build.5'])('takes the version %s', (version) => {
    expect(definePlugin({ ...good, version }).version).toBe(version);
  });

  test('keeps what it was given: a later change has no effect', () => {
    const versions = [1];
    const definition = { ...good, handshake: { cookie: ['A', 'b'] as const, protocolVersions: versions } };
    const plugin = definePlugin(definition);
    versions.push(2);
    expect(plugin.handshake.protocolVersions).toEqual([1]);
    expect(Object.keys(definition)).toEqual(['name', 'version', 'handshake', 'setup']);
    const resources: Record<string, 'exclusive'> = { port: 'exclusive' };
    const holder = definePlugin({ ...good, resources });
    resources['late'] = 'exclusive';
    expect(holder.resources).toEqual({ port: 'exclusive' });
  });

  test('runs setup as a method of the object that it came from', async () => {
    class Own implements PluginDefinition {
      readonly name = 'own';
      readonly version = '1.0.0';
      readonly handshake = good.handshake;
      ran = false;
      setup(): void {
        this.ran = true;
      }
    }
    const own = new Own();
    // @ts-expect-error: what setup is given does not matter here
    await definePlugin(own).setup(undefined);
    expect(own.ran).toBe(true);
  });
});

describe('serve’s options', () => {
  test('have their defaults by platform', () => {
    expect(resolveServeOptions({}, 'linux')).toEqual({
      network: 'unix',
      tls: undefined,
      certificateCurve: 'P-256',
      shutdownGraceMs: 1000,
      shutdownTimeoutMs: 5000,
      exitWithParent: true,
      debug: false,
    });
    expect(resolveServeOptions({}, 'win32').network).toBe('tcp');
  });

  test.each<[string, object, NodeJS.Platform]>([
    ['network', { network: 'udp' }, 'linux'],
    ['network', { network: 'unix' }, 'win32'],
    ['certificateCurve', { certificateCurve: 'P-384' }, 'linux'],
    ['shutdownGraceMs', { shutdownGraceMs: -1 }, 'linux'],
    ['shutdownTimeoutMs', { shutdownTimeoutMs: Number.POSITIVE_INFINITY }, 'linux'],
    ['exitWithParent', { exitWithParent: 'no' }, 'linux'],
    ['debug', { debug: 1 }, 'linux'],
    ['tls', { tls: { certificatePem: '' } }, 'linux'],
  ])('%s is refused as %j', (option, options, platform) => {
    expect(codeOf(() => resolveServeOptions(options, platform))).toEqual(['OPTIONS_INVALID', option]);
  });
});

describe('the cookie', () => {
  test.each<[string, [string, string], string | undefined]>([
    ['the right one is let in', ['A', 'b'], undefined],
    ['another value is refused', ['A', 'c'], 'This binary is a plugin.'],
    ['a name without a value in the environment is refused', ['B', 'b'], 'This binary is a plugin.'],
    ['a plugin without a name for it is misconfigured', ['', 'b'], 'Misconfigured ServeConfig'],
    ['a plugin without a value for it is misconfigured', ['A', ''], 'Misconfigured ServeConfig'],
  ])('%s', (_name, cookie, refusal) => {
    const said = cookieRefusal(cookie, { A: 'b' });
    if (refusal === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(refusal);
  });
});

describe('a socket’s group', () => {
  test('may be a number that nobody has named', () => expect(groupId('4711')).toBe(4711));
  test('is looked up by name', () => expect(groupId('root')).toBe(0));
  test('must exist', () => expect(() => groupId('no-such-group')).toThrow(PluginError));
  test('can’t be found where there is no list of groups', () => {
    expect(() => groupId('root', '/nowhere/group')).toThrow(
      expect.objectContaining({ code: 'SOCKET_GROUP_UNKNOWN' }),
    );
  });
});

describe('the parent', () => {
  afterEach(() => jest.useRealTimers());

  test('is missed once', () => {
    jest.useFakeTimers();
    let parent = 10;
    let gone = 0;
    watchParent(
      () => gone++,
      () => parent,
      10,
    );
    jest.advanceTimersByTime(1000);
    expect(gone).toBe(0);
    parent = 1;
    jest.advanceTimersByTime(500);
    expect(gone).toBe(1);
    jest.advanceTimersByTime(5000);
    expect(gone).toBe(1);
  });

  test('is not missed by one who stopped watching', () => {
    jest.useFakeTimers();
    let gone = 0;
    watchParent(
      () => gone++,
      () => 1,
      10,
    )();
    jest.advanceTimersByTime(5000);
    expect(gone).toBe(0);
  });
});
