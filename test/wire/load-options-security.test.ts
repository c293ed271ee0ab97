import { execFileSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { HealthDefinition } from '@plugd/protocol/gen/grpc/health/v1/health';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { GRPCBrokerDefinition } from '@plugd/protocol/gen/plugin/grpc_broker';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { roomsAtOnce } from '../support/at-once';
import { failureOf, type HostRoom } from '../support/host-room';
import { describeWithGo, goIsHere } from '../support/needs-go';
import { PemDirectory } from '../support/pem-files';
import { chaosTs, kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const tailored = join(__dirname, '../support/plugins/tailored.cjs');

/** What happens to a user who is nobody but a member of this group, when he connects. */
function connectAs(gid: number, address: string): string {
  const program = `require('node:net').connect(process.argv[1])
    .on('connect', () => { console.log('connected'); process.exit(); })
    .on('error', (error) => console.log(error.code))`;
  const nobody = 65534;
  return execFileSync(process.execPath, ['-e', program, address], { uid: nobody, gid, cwd: '/' })
    .toString()
    .trim();
}

const { atOnce, room } = roomsAtOnce();

type Options = Parameters<HostRoom['load']>[1];

function suite(sample: (version: '1' | '2') => string, whole: boolean): void {
  /** For what the host alone decides: one language is enough for every day. */
  const inWhole = whole ? atOnce : test.skip;

  atOnce('autoMtls is on unless told otherwise', async () => {
    const names = { environment: ['PLUGIN_CLIENT_CERT'] };
    const secured = await room().load(sample('1'), { name: 'secured' });
    const { environment } = await secured.client(ProbeDefinition).inspect(names);
    expect(environment['PLUGIN_CLIENT_CERT']).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(secured.handedOver()?.record.pluginCertificatePem).toMatch(/^-----BEGIN CERTIFICATE-----/);

    const plain = await room().load(sample('1'), { name: 'plain', autoMtls: false });
    expect(await plain.client(ProbeDefinition).inspect(names)).toMatchObject({ environment: {} });
    expect(plain.handedOver()?.record).toMatchObject({ hostCertificate: null, pluginCertificatePem: null });
  });

  describe('tls of the plugin’s own', () => {
    const pem = new PemDirectory();
    const pems = () => {
      const [own, host, stranger] = [pem.make('own'), pem.make('host'), pem.make('stranger')];
      const env = { KV_TLS_CERT: own.certificate, KV_TLS_KEY: own.key };
      return { own, host, stranger, env, closed: { ...env, KV_TLS_CA: host.certificate } };
    };
    let made: ReturnType<typeof pems> | undefined;
    const given = () => {
      made ??= pems();
      return made;
    };
    afterAll(() => pem.dispose());

    inWhole('is trusted by its certificate, given as text or as bytes', async () => {
      const { own, env } = given();
      for (const ca of [own.certificatePem, Buffer.from(own.certificatePem)]) {
        const plugin = await room().load(sample('1'), { env, tls: { ca } });
        expect((await plugin.client(KvDefinition).get({ key: 'k' })).servedBy).toBe('1.0.0');
        await plugin.restart();
        await plugin.stop();
      }
    });

    atOnce('may ask for the host’s certificate', async () => {
      const { own, host, closed: env } = given();
      const tls = { ca: own.certificatePem, certificate: host.certificatePem, key: host.keyPem };
      const plugin = await room().load(sample('1'), { env, tls });
      expect((await plugin.client(KvDefinition).get({ key: 'k' })).servedBy).toBe('1.0.0');
    });

    const refused: Record<string, () => Options> = {
      'a plugin with another certificate': () => ({
        env: given().env,
        tls: { ca: given().stranger.certificatePem },
      }),
      'a plugin that no authority of the system knows': () => ({ env: given().env, tls: {} }),
      'a plugin of another name': () => ({
        env: given().env,
        tls: { ca: given().own.certificatePem, serverName: 'elsewhere.invalid' },
      }),
      'a host without certificate, where one is asked for': () => ({
        env: given().closed,
        tls: { ca: given().own.certificatePem },
      }),
      'a host with a certificate that the plugin does not trust': () => ({
        env: given().closed,
        tls: {
          ca: given().own.certificatePem,
          certificate: given().stranger.certificatePem,
          key: given().stranger.keyPem,
        },
      }),
      'a plugin that speaks no TLS': () => ({ tls: { ca: given().own.certificatePem } }),
    };
    const tried = Object.entries(refused).filter(([who]) => whole || who.startsWith('a host'));
    atOnce.each(tried)('%s is refused with TLS_FAILED', async (_who, options) => {
      const error = await failureOf(room().load(sample('1'), options()));
      expect(error.code).toBe('TLS_FAILED');
      expect(room().processes()).toEqual([]);
    });

    inWhole(
      'where AutoMTLS is expected is refused as that, since the plugin sends no certificate',
      async () => {
        expect((await failureOf(room().load(sample('1'), { env: given().env }))).code).toBe(
          'AUTO_MTLS_UNSUPPORTED',
        );
      },
    );

    inWhole('where nothing is expected is refused', async () => {
      const error = await failureOf(room().load(sample('1'), { env: given().env, autoMtls: false }));
      expect(error.code).toBe('CONNECT_FAILED');
    });
  });

  describe('contract', () => {
    atOnce('that the plugin serves is fulfilled, whichever form its definitions have', async () => {
      await room().load(sample('1'), { contract: [KvDefinition, ProbeDefinition, HealthDefinition] });
      await room().load(sample('1'), { name: 'other', contract: [KvService] });
    });

    atOnce('that lacks a service is refused with the names of all that are missing', async () => {
      const other = { name: 'Other', fullName: 'samples.other.v1.Other', methods: KvDefinition.methods };
      const error = await failureOf(
        room().load(sample('1'), { contract: [KvDefinition, other, { ...other, fullName: 'no.Such' }] }),
      );
      expect(error.code).toBe('CONTRACT_NOT_SERVED');
      expect(error.facts['missing']).toEqual(['samples.other.v1.Other', 'no.Such']);
      expect(error.facts['served']).toEqual(expect.arrayContaining(['samples.kv.v1.Kv']));
      expect(error.message).toContain('samples.other.v1.Other, no.Such');
      expect(room().processes()).toEqual([]);
    });
  });

  // Only root may give a socket to any group, and try it as somebody else.
  const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;
  describeAsRoot('unixSocketGroup', () => {
    const groups: readonly (readonly [form: string, group: number | string])[] = [
      ['number', 1],
      ['name', 'daemon'],
      ['number as text', '1'],
    ];
    atOnce.each(whole ? groups : groups.slice(0, 1))(
      'by %s: its members may connect, others may not',
      async (_form, unixSocketGroup) => {
        chmodSync(room().runDir, 0o711);
        const plugin = await room().load(sample('1'), { unixSocketGroup });
        const [instance] = plugin.status().instances;
        const address = instance?.address ?? '';
        const socket = statSync(address);
        expect({ gid: socket.gid, mode: (socket.mode & 0o777).toString(8) }).toEqual({ gid: 1, mode: '660' });
        expect(connectAs(1, address)).toBe('connected');
        expect(connectAs(2, address)).toBe('EACCES');
        expect((await plugin.client(KvDefinition).get({ key: 'k' })).servedBy).toBe('1.0.0');
      },
    );

    inWhole(
      'whose members can’t come through the run directory is refused, not served to nobody',
      async () => {
        const error = await failureOf(room().load(sample('1'), { unixSocketGroup: 1 }));
        expect(error).toMatchObject({ code: 'RUN_DIR_UNSAFE', facts: { path: room().runDir } });
        // The host is none the worse for it.
        await room().load(sample('1'));
      },
    );

    inWhole('that does not exist is refused before anything is started', async () => {
      const error = await failureOf(room().load(sample('1'), { unixSocketGroup: 'no-such-group' }));
      expect(error).toMatchObject({
        code: 'SOCKET_GROUP_UNKNOWN',
        facts: { unixSocketGroup: 'no-such-group' },
      });
    });
  });
}

describe('a plugin in TS', () => suite(kvTs, full || !goIsHere));
describeWithGo('a plugin in Go', () => {
  suite(kvGo, true);

  atOnce('a contract with plugd’s own services is not served by go-plugin alone', async () => {
    await room().load(kvGo('1'), { contract: [GRPCBrokerDefinition] });
    const error = await failureOf(room().load(kvGo('1'), { name: 'other', contract: [LifecycleDefinition] }));
    expect(error.code).toBe('CONTRACT_NOT_SERVED');
  });
});

atOnce('a plugin that can’t do AutoMTLS is refused with the one-line remedy, which works', async () => {
  const env = { CHAOS: 'no-cert' };
  const error = await failureOf(room().load(chaosTs(), { env }));
  expect(error.code).toBe('AUTO_MTLS_UNSUPPORTED');
  expect(error.hint).toBe('Load it with autoMtls: false if plaintext on this machine is acceptable.');
  expect(error.message).not.toContain('\n');
  expect(room().processes()).toEqual([]);
  await room().load(chaosTs(), { env, autoMtls: false });
});

atOnce('a contract is taken on trust where the plugin has no reflection', async () => {
  const unknown = { name: 'Other', fullName: 'samples.other.v1.Other', methods: KvDefinition.methods };
  const plugin = await room().load(chaosTs(), { contract: [KvDefinition, unknown] });
  expect((await plugin.client(KvDefinition).get({ key: 'k' })).servedBy).toBe('chaos');
});

describe('a plugin that listens on TCP', () => {
  const options = {
    version: '0.1.0',
    args: [tailored],
    env: { TAILORED: JSON.stringify({ serve: { network: 'tcp' } }) },
  };
  /** Ports that somebody holds, as long as `use` runs. */
  async function withPort(use: (port: number) => Promise<void>): Promise<void> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use((server.address() as AddressInfo).port);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  atOnce.each([true, false])('takes a port from minPort to maxPort (autoMtls %s)', async (autoMtls) => {
    await withPort(async (taken) => {
      // The first is taken for certain, so that it has to look further.
      const [minPort, maxPort] = [Math.min(taken, 65_000), Math.min(taken, 65_000) + 500];
      const plugin = await room().load(process.execPath, { ...options, autoMtls, minPort, maxPort });
      const [instance] = plugin.status().instances;
      const [host, port] = (instance?.address ?? '').split(':');
      expect(host).toBe('127.0.0.1');
      expect(Number(port)).toBeGreaterThanOrEqual(minPort);
      expect(Number(port)).toBeLessThanOrEqual(maxPort);
      expect(Number(port)).not.toBe(taken);
    });
  });

  atOnce('can’t start where no port of the range is free, and says so', async () => {
    await withPort(async (taken) => {
      const error = await failureOf(
        room().load(process.execPath, { ...options, minPort: taken, maxPort: taken }),
      );
      expect(error.code).toBe('EXITED_BEFORE_HANDSHAKE');
      expect(JSON.stringify(error.facts)).toContain('LISTEN_FAILED');
    });
  });

  atOnce('keeps to the standard range on the side that is not given', async () => {
    const environment = ['PLUGIN_MIN_PORT', 'PLUGIN_MAX_PORT'];
    const sample = goIsHere ? kvGo : kvTs;
    const low = await room().load(sample('1'), { name: 'low', minPort: 24_000 });
    expect((await low.client(ProbeDefinition).inspect({ environment })).environment).toEqual({
      PLUGIN_MIN_PORT: '24000',
      PLUGIN_MAX_PORT: '25000',
    });
    const high = await room().load(sample('1'), { name: 'high', maxPort: 12_000 });
    expect((await high.client(ProbeDefinition).inspect({ environment })).environment).toEqual({
      PLUGIN_MIN_PORT: '10000',
      PLUGIN_MAX_PORT: '12000',
    });
  });
});
