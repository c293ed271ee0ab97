import { createCertificate, encodeCertificateField } from '@plugd/protocol/certificate';
import { type ErrorCode, errorCodes } from '@plugd/protocol/error-codes';
import { formatHandshakeLine, type HandshakeLine, parseHandshakeLine } from '@plugd/protocol/handshake-line';
import { PluginError } from '@plugd/protocol/plugin-error';
import fc from 'fast-check';
import { testProperty } from '../../support/property-test';
import { thrown } from './thrown';

const certificate = encodeCertificateField(createCertificate({ curve: 'P-256' }).der);
const versions = [2, 3, 5];
const parse = (text: string) => parseHandshakeLine(text, { versions });
const refused = (text: string, multiplex = false) =>
  thrown(() => parseHandshakeLine(text, { versions, multiplex }));

const plain: HandshakeLine = {
  coreVersion: 1,
  appVersion: 3,
  network: 'unix',
  address: '/tmp/plugin816012414',
  protocol: 'grpc',
  certificate: '',
  multiplex: undefined,
};

describe('the line is written to the byte', () => {
  test('six fields, the last one empty without a certificate', () => {
    expect(formatHandshakeLine(plain)).toBe('1|3|unix|/tmp/plugin816012414|grpc|\n');
  });

  test('a seventh field only for a plugin that was asked', () => {
    expect(formatHandshakeLine({ ...plain, multiplex: true })).toBe(
      '1|3|unix|/tmp/plugin816012414|grpc||true\n',
    );
  });

  test.each(['/tmp/a|b', '/tmp/a\nb', '/tmp/a\rb'])(
    'an address that would break it is refused: %j',
    (address) => {
      expect(thrown(() => formatHandshakeLine({ ...plain, address })).code).toBe('ADDRESS_INVALID');
    },
  );
});

describe('lines of Go plugins are understood', () => {
  test.each<[string, Partial<HandshakeLine>]>([
    ['1|3|unix|/tmp/plugin816012414|grpc|', {}],
    ['1|3|unix|/tmp/plugin816012414|grpc', {}],
    ['  1|3|unix|/tmp/plugin816012414|grpc|\r', {}],
    ['\u00a0+1|03|unix|/tmp/plugin816012414|grpc|\u0085', {}],
    [
      '1|5|unix|/tmp/plugin1257356193|grpc||true',
      { appVersion: 5, address: '/tmp/plugin1257356193', multiplex: true },
    ],
    ['1|3|unix|/tmp/plugin816012414|grpc||False', { multiplex: false }],
    ['1|3|unix|/tmp/plugin816012414|grpc||maybe|more|', {}],
    ['1|2|tcp|127.0.0.1:10000|grpc|', { appVersion: 2, network: 'tcp', address: '127.0.0.1:10000' }],
    ['1|2|tcp|[::1]:10000|grpc|', { appVersion: 2, network: 'tcp', address: '[::1]:10000' }],
    [`1|3|unix|/tmp/plugin816012414|grpc|${certificate}`, { certificate }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual({ ...plain, ...expected });
  });

  test('a sixth field of up to 50 characters is no certificate, a longer one must be', () => {
    expect(parse(`1|3|unix|/tmp/plugin816012414|grpc|${'x'.repeat(50)}`)).toEqual(plain);
    expect(refused(`1|3|unix|/tmp/plugin816012414|grpc|${'x'.repeat(51)}`).code).toBe(
      'CERTIFICATE_UNREADABLE',
    );
  });

  test('a plugin that was asked to multiplex and can is taken', () => {
    expect(parseHandshakeLine('1|3|unix|/x|grpc||1', { versions, multiplex: true }).multiplex).toBe(true);
  });
});

describe('each mistake has a code of its own', () => {
  test.each<[string, ErrorCode]>([
    ['', 'HANDSHAKE_UNREADABLE'],
    ['\r', 'HANDSHAKE_UNREADABLE'],
    ['\n1|3|unix|/x|grpc|', 'HANDSHAKE_UNREADABLE'],
    ['Starting plugin...', 'HANDSHAKE_UNREADABLE'],
    ['1|3|unix', 'HANDSHAKE_UNREADABLE'],
    ['1|3|unix|/x|grpc|'.padEnd(65_537, 'x'), 'HANDSHAKE_TOO_LONG'],
    ['x|3|unix|/x|grpc|', 'CORE_VERSION_UNREADABLE'],
    ['|3|unix|/x|grpc|', 'CORE_VERSION_UNREADABLE'],
    ['1.0|3|unix|/x|grpc|', 'CORE_VERSION_UNREADABLE'],
    ['\ufeff1|3|unix|/x|grpc|', 'CORE_VERSION_UNREADABLE'],
    ['9223372036854775808|3|unix|/x|grpc|', 'CORE_VERSION_UNREADABLE'],
    ['2|3|unix|/x|grpc|', 'CORE_VERSION_MISMATCH'],
    ['-1|3|unix|/x|grpc|', 'CORE_VERSION_MISMATCH'],
    ['4294967297|3|unix|/x|grpc|', 'CORE_VERSION_MISMATCH'],
    ['1|y|unix|/x|grpc|', 'PROTOCOL_VERSION_UNREADABLE'],
    ['1||unix|/x|grpc|', 'PROTOCOL_VERSION_UNREADABLE'],
    ['1|3 |unix|/x|grpc|', 'PROTOCOL_VERSION_UNREADABLE'],
    ['1|77|unix|/x|grpc|', 'PROTOCOL_VERSION_MISMATCH'],
    ['1|4294967299|unix|/x|grpc|', 'PROTOCOL_VERSION_MISMATCH'],
    ['1|3|udp|/x|grpc|', 'NETWORK_UNSUPPORTED'],
    ['1|3||/x|grpc|', 'NETWORK_UNSUPPORTED'],
    ['1|3|Unix|/x|grpc|', 'NETWORK_UNSUPPORTED'],
    ['1|3|unix||grpc|', 'ADDRESS_INVALID'],
    ['1|3|unix|/tmp/\0x|grpc|', 'ADDRESS_INVALID'],
    ['1|3|unix|/tmp/\ufffd|grpc|', 'ADDRESS_INVALID'],
    ['1|3|unix|@abstract|grpc|', 'ADDRESS_INVALID'],
    ['1|3|tcp|99999|grpc|', 'ADDRESS_INVALID'],
    ['1|3|tcp|127.0.0.1:99999|grpc|', 'ADDRESS_INVALID'],
    ['1|3|tcp|0.0.0.0:80|grpc|', 'ADDRESS_NOT_LOOPBACK'],
    ['1|3|tcp|:80|grpc|', 'ADDRESS_NOT_LOOPBACK'],
    ['1|3|tcp|192.168.1.7:80|grpc|', 'ADDRESS_NOT_LOOPBACK'],
    ['1|3|tcp|example.com:80|grpc|', 'ADDRESS_NOT_LOOPBACK'],
    ['1|3|unix|/x', 'PROTOCOL_UNSUPPORTED'],
    ['1|3|unix|/x|netrpc|', 'PROTOCOL_UNSUPPORTED'],
    ['1|3|unix|/x|grpc |', 'PROTOCOL_UNSUPPORTED'],
    ['1|3|unix|/x||', 'PROTOCOL_UNSUPPORTED'],
    [`1|3|unix|/x|grpc|${certificate.slice(0, 200)}`, 'CERTIFICATE_UNREADABLE'],
    [`1|3|unix|/x|grpc|*${certificate}`, 'CERTIFICATE_UNREADABLE'],
    [`1|3|unix|/x|grpc|${certificate} |true`, 'CERTIFICATE_UNREADABLE'],
  ])('%.40j is %s', (text, code) => {
    const error = refused(text);
    expect(error.code).toBe(code);
    expect(error.facts).toHaveProperty('line');
    expect(String(error.facts['line']).length).toBeLessThan(1300);
  });

  test.each<[string, ErrorCode]>([
    ['1|3|unix|/x|grpc|', 'MULTIPLEX_UNSUPPORTED'],
    ['1|3|unix|/x|grpc||false', 'MULTIPLEX_UNSUPPORTED'],
    ['1|3|unix|/x|grpc||maybe', 'MULTIPLEX_UNREADABLE'],
    ['1|3|unix|/x|grpc||', 'MULTIPLEX_UNREADABLE'],
    ['1|3|unix|/x|netrpc|', 'PROTOCOL_UNSUPPORTED'],
  ])('where multiplexing is asked for, %j is %s', (text, code) => {
    expect(refused(text, true).code).toBe(code);
  });

  test('mistakes are found in the order in which go-plugin looks for them', () => {
    // Every field is wrong; each step mends the first that is.
    const wrong = ['2', '77', 'udp', '', 'netrpc', 'x'.repeat(60)];
    const right = ['1', '3', 'unix', '/x', 'grpc', certificate];
    const codes = right.map(
      (_, mended) => refused([...right.slice(0, mended), ...wrong.slice(mended)].join('|')).code,
    );
    expect(codes).toEqual([
      'CORE_VERSION_MISMATCH',
      'PROTOCOL_VERSION_MISMATCH',
      'NETWORK_UNSUPPORTED',
      'ADDRESS_INVALID',
      'PROTOCOL_UNSUPPORTED',
      'CERTIFICATE_UNREADABLE',
    ]);
  });
});

describe('an error says what a person needs', () => {
  test('the versions of both sides', () => {
    expect(refused('2|3|unix|/x|grpc|').facts).toMatchObject({ pluginCoreVersion: '2', hostCoreVersion: 1 });
    expect(refused('1|77|unix|/x|grpc|').facts).toMatchObject({
      pluginVersion: '77',
      hostVersions: versions,
    });
  });

  test('which side to change, where the version tells', () => {
    const newer = refused('1|77|unix|/x|grpc|').hint;
    const older = refused('1|1|unix|/x|grpc|').hint;
    const nothingOffered = thrown(() => parseHandshakeLine('1|1|unix|/x|grpc|', { versions: [] })).hint;
    expect(newer).not.toBe(older);
    expect(nothingOffered).toBe(older);
  });

  test('the line in a form that no terminal obeys, and short', () => {
    const error = refused(`\u001b[2J${'banner '.repeat(5_000)}`);
    expect(error.message).not.toContain('\u001b');
    expect(error.message.length).toBeLessThan(600);
    expect(String(error.facts['line'])).toMatch(/^\\x1b\[2J/);
  });
});

describe('for any text', () => {
  const field = fc.oneof(
    fc.constantFrom(
      '',
      '1',
      '2',
      '3',
      'unix',
      'tcp',
      '/tmp/x',
      '127.0.0.1:80',
      '[::1]:1',
      'grpc',
      'true',
      certificate,
    ),
    fc.string({ unit: 'binary', maxLength: 80 }),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(field, { maxLength: 9 }).map((fields) => fields.join('|')),
    fc.tuple(fc.constant('1|3|unix|/x|grpc'), field, field).map((fields) => fields.join('|')),
  );

  testProperty(
    'there is a line or a PluginError of a known code, never anything else',
    fc.property(text, fc.boolean(), (input, multiplex) => {
      try {
        expect(parseHandshakeLine(input, { versions, multiplex }).coreVersion).toBe(1);
      } catch (error) {
        if (!(error instanceof PluginError)) throw error;
        expect(errorCodes).toHaveProperty(error.code);
      }
    }),
    1_000,
  );

  const path = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 90 })
    .filter((name) => !/[|\r\n\0\ufffd]/.test(name))
    .map((name) => `/${name}`);
  const port = fc.integer({ min: 1, max: 65_535 });
  const place = fc.oneof(
    fc.record({ network: fc.constant('unix' as const), address: path }),
    fc.record({ network: fc.constant('tcp' as const), address: port.map((one) => `127.0.0.1:${one}`) }),
  );
  const line = fc
    .record({
      appVersion: fc.nat(),
      place,
      certificate: fc.constantFrom('', certificate),
      multiplex: fc.constantFrom(undefined, true, false),
    })
    .map(({ place: { network, address }, ...rest }) => ({
      ...rest,
      coreVersion: 1,
      network,
      address,
      protocol: 'grpc',
    }));
  testProperty(
    'what was written is read back',
    fc.property(line, (written) => {
      const read = parseHandshakeLine(formatHandshakeLine(written).slice(0, -1), {
        versions: [written.appVersion],
      });
      expect(read).toEqual(written);
    }),
  );
});
