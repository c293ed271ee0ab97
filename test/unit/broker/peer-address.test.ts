import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPeerAddress } from '@plugd/protocol/broker/peer-address';
import { PluginError } from '@plugd/protocol/plugin-error';
import * as fc from 'fast-check';
import { testProperty } from '../../support/property-test';
import { cleanUp, temporaryDirectory } from './broker-pair';

afterEach(cleanUp);

function check(network: string, address: string, directory?: string): string {
  try {
    checkPeerAddress({ serviceId: 3, network, address, knock: undefined }, directory);
    return 'taken';
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    expect(error.facts).toMatchObject({ serviceId: 3 });
    return error.code;
  }
}

const REFUSED = 'BROKER_ADDRESS_REFUSED';

test.each([
  ['tcp', '127.0.0.1:4711', 'taken'],
  ['tcp', '[::1]:4711', 'taken'],
  ['tcp', 'localhost:4711', 'taken'],
  ['tcp', '192.168.0.1:4711', REFUSED],
  ['tcp', '0.0.0.0:4711', REFUSED],
  ['tcp', ':4711', REFUSED],
  ['tcp', 'example.com:80', REFUSED],
  ['tcp', '127.0.0.1:0', REFUSED],
  ['tcp', '127.0.0.1', REFUSED],
  ['tcp', '', REFUSED],
  ['udp', '127.0.0.1:4711', REFUSED],
  ['', '', REFUSED],
  ['UNIX', '/tmp/plugin1', REFUSED],
])('%s %j is %s', (network, address, expected) => {
  expect(check(network, address)).toBe(expected);
});

const describeOnUnix = process.platform === 'win32' ? describe.skip : describe;

describeOnUnix('a unix socket', () => {
  test("may be in the instance's directory, or called plugin… in the temp dir", () => {
    const directory = temporaryDirectory();
    expect(check('unix', join(directory, 'plugin1'), directory)).toBe('taken');
    expect(check('unix', join(directory, 'anything'), directory)).toBe('taken');
    expect(check('unix', join(tmpdir(), 'plugin123'), directory)).toBe('taken');
    expect(check('unix', join(tmpdir(), 'other123'), directory)).toBe(REFUSED);
    expect(check('unix', '/var/run/docker.sock', directory)).toBe(REFUSED);
    expect(check('unix', directory, directory)).toBe(REFUSED);
    expect(check('unix', join(directory, 'no', 'such'), directory)).toBe(REFUSED);
  });

  test('may not leave the directory by dots or links', () => {
    const directory = temporaryDirectory();
    const other = mkdtempSync(join(temporaryDirectory(), 'o'));
    writeFileSync(join(other, 's'), '');
    mkdirSync(join(directory, 'sub'));
    symlinkSync(join(other, 's'), join(directory, 'link'));
    symlinkSync(other, join(directory, 'links'));
    expect(check('unix', `${directory}/../${'x'}`, directory)).toBe(REFUSED);
    expect(check('unix', `${directory}/./plugin1`, directory)).toBe(REFUSED);
    expect(check('unix', join(directory, 'link'), directory)).toBe(REFUSED);
    expect(check('unix', join(directory, 'links', 's'), directory)).toBe(REFUSED);
    rmSync(other, { recursive: true });
  });

  test.each(['', 'plugin1', '/tmp/plu\0gin', `/${'x'.repeat(103)}`])('%j is no place for one', (address) => {
    expect(check('unix', address)).toBe(REFUSED);
  });

  test('may be anywhere where the other side is trusted', () => {
    expect(check('unix', '/some/where/plugin1')).toBe('taken');
  });
});

// Looked at, never made.
const nowhere = join(tmpdir(), 'plugd-nowhere');

testProperty(
  'whatever is announced is taken or refused with a code',
  fc.property(
    fc.oneof(fc.constantFrom('unix', 'tcp', ''), fc.string()),
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webAuthority(),
      fc.string().map((name) => join(nowhere, name)),
    ),
    (network, address) => {
      expect(['taken', REFUSED]).toContain(check(network, address, nowhere));
    },
  ),
  300,
);
