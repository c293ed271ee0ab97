import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import {
  type CertificateOptions,
  createCertificate,
  createCertificateInPool,
  decodeCertificateField,
  derToPem,
  encodeCertificateField,
  pemToDer,
} from '@plugd/protocol/certificate';
import { thrown } from './thrown';

const curves = ['P-521', 'P-256'] as const;
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const testWithOpenssl = hasOpenssl ? test : test.skip;

function openssl(pem: string, ...args: string[]): string {
  const result = spawnSync('openssl', args, { input: pem, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`openssl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

describe.each(curves)('a certificate on %s', (curve) => {
  const now = new Date('2026-03-04T05:06:07.890Z');
  const made = createCertificate({ curve, now });
  const x509 = new X509Certificate(made.certificatePem);

  test('signs itself, belongs to its key and is its own authority', () => {
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(x509.checkPrivateKey(createPrivateKey(made.keyPem))).toBe(true);
    expect(x509.checkIssued(x509)).toBe(true);
    expect(x509.ca).toBe(true);
    expect(x509.publicKey.asymmetricKeyDetails?.namedCurve).toBe(
      curve === 'P-521' ? 'secp521r1' : 'prime256v1',
    );
    expect(x509.raw.equals(made.der)).toBe(true);
  });

  test("bears go-plugin's names and validity", () => {
    expect(x509.subject).toBe('O=HashiCorp\nCN=localhost');
    expect(x509.issuer).toBe(x509.subject);
    expect(x509.subjectAltName).toBe('DNS:localhost');
    expect(x509.checkHost('localhost')).toBe('localhost');
    expect(x509.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    expect(new Date(x509.validFrom)).toEqual(new Date('2026-03-04T05:05:37Z'));
    expect(new Date(x509.validTo).getTime()).toBe(
      Math.floor((now.getTime() + 262_980 * 3_600_000) / 1000) * 1000,
    );
  });

  testWithOpenssl('reads in openssl as the recipe says, extension by extension', () => {
    const text = openssl(made.certificatePem, 'x509', '-noout', '-text').replace(/\s+/g, ' ');
    expect(text).toContain('Version: 3 (0x2)');
    expect(text).toContain(`Signature Algorithm: ecdsa-with-SHA${curve === 'P-521' ? 512 : 256}`);
    const order = [
      'X509v3 Key Usage: critical Digital Signature, Key Encipherment, Key Agreement, Certificate Sign X509v3',
      'X509v3 Extended Key Usage: TLS Web Client Authentication, TLS Web Server Authentication',
      'X509v3 Basic Constraints: critical CA:TRUE X509v3',
      'X509v3 Subject Key Identifier: ',
      'X509v3 Subject Alternative Name: DNS:localhost',
    ].map((part) => text.indexOf(part));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(text).not.toContain('Authority Key Identifier');
  });

  testWithOpenssl('is accepted by openssl as a certificate that it would have written itself', () => {
    // Written out again by openssl it must be the same bytes: nothing in it was in another than the DER form.
    const dump = openssl(made.certificatePem, 'asn1parse', '-i');
    expect(dump).toMatch(/PRINTABLESTRING\s+:HashiCorp/);
    expect(dump).toMatch(/UTCTIME\s+:260304050537Z/);
    expect(dump).toMatch(/GENERALIZEDTIME\s+:2056/);
    expect(openssl(made.certificatePem, 'x509', '-outform', 'PEM')).toBe(made.certificatePem);
  });

  test('serves both ends of mutual TLS, each trusting nothing but the other', async () => {
    const peer = createCertificate({ curve });
    const own = createCertificate({ curve });
    const server = createServer({
      key: own.keyPem,
      cert: own.certificatePem,
      ca: peer.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const arrived: Promise<TLSSocket[]> = once(server, 'secureConnection');
    const client = connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      key: peer.keyPem,
      cert: peer.certificatePem,
      ca: own.certificatePem,
    });
    await once(client, 'secureConnect');
    const [accepted] = await arrived;
    expect(accepted?.authorized).toBe(true);
    expect(client.authorized).toBe(true);
    client.destroy();
    accepted?.destroy();
    server.close();
    await once(server, 'close');
  });
});

test('one made in the thread pool differs in nothing but its key and signature', async () => {
  const options = {
    curve: 'P-256',
    now: new Date('2026-03-04T05:06:07Z'),
    serial: Buffer.from('11', 'hex'),
  } as const;
  const made = await createCertificateInPool(options);
  const x509 = new X509Certificate(made.der);
  expect(x509.verify(x509.publicKey)).toBe(true);
  expect(x509.checkPrivateKey(createPrivateKey(made.keyPem))).toBe(true);
  expect(derToPem(made.der)).toBe(made.certificatePem);
  const facts = ({
    subject,
    serialNumber,
    validFrom,
    validTo,
    keyUsage,
    subjectAltName,
  }: X509Certificate) => ({
    subject,
    serialNumber,
    validFrom,
    validTo,
    keyUsage,
    subjectAltName,
  });
  expect(facts(x509)).toEqual(facts(new X509Certificate(createCertificate(options).der)));
  await expect(createCertificateInPool({ serial: Buffer.alloc(1) })).rejects.toMatchObject({
    code: 'OPTIONS_INVALID',
  });
});

test('P-521 is what one gets without asking', () => {
  const { publicKey } = new X509Certificate(createCertificate().certificatePem);
  expect(publicKey.asymmetricKeyDetails?.namedCurve).toBe('secp521r1');
});

test('two certificates have neither serial number nor key in common', () => {
  const [one, two] = [createCertificate(), createCertificate()].map((made) => new X509Certificate(made.der));
  expect(one?.serialNumber).not.toBe(two?.serialNumber);
  expect(one?.publicKey.equals(two?.publicKey ?? one.publicKey)).toBe(false);
});

describe('edges', () => {
  const made = (options: CertificateOptions) => createCertificate({ curve: 'P-256', ...options });

  test.each([
    ['80', '80'],
    ['0001', '01'],
    ['000080', '80'],
    ['00ff00ff', 'FF00FF'],
    ['ff'.repeat(20), 'FF'.repeat(20)],
    [`00${'7f'.repeat(15)}`, '7F'.repeat(15)],
  ])('the serial number 0x%s is the same positive number for every reader', (hex, expected) => {
    const { certificatePem } = made({ serial: Buffer.from(hex, 'hex') });
    expect(new X509Certificate(certificatePem).serialNumber).toBe(expected);
    if (hasOpenssl)
      expect(openssl(certificatePem, 'x509', '-noout', '-serial').trim()).toBe(`serial=${expected}`);
  });

  test.each(['', '00', '0000', '01'.repeat(21)])('the serial number 0x%s is refused', (hex) => {
    expect(thrown(() => made({ serial: Buffer.from(hex, 'hex') })).code).toBe('OPTIONS_INVALID');
  });

  test.each([
    ['1950-01-01T00:00:29Z', 'GENERALIZEDTIME', '19491231235959Z'],
    ['1950-01-01T00:00:30Z', 'UTCTIME', '500101000000Z'],
    ['2050-01-01T00:00:29.999Z', 'UTCTIME', '491231235959Z'],
    ['2050-01-01T00:00:30Z', 'GENERALIZEDTIME', '20500101000000Z'],
    ['2000-02-29T12:00:00Z', 'UTCTIME', '000229115930Z'],
  ])('a certificate of %s begins 30 s before, in the right type', (moment, type, written) => {
    const { certificatePem } = made({ now: new Date(moment) });
    const from = new Date(Math.floor((Date.parse(moment) - 30_000) / 1000) * 1000);
    expect(new Date(new X509Certificate(certificatePem).validFrom)).toEqual(from);
    if (hasOpenssl) {
      const dump = openssl(certificatePem, 'asn1parse');
      expect(dump).toMatch(new RegExp(`${type}\\s+:${written}`));
    }
  });

  test.each([
    ['2020-01-01T11:59:59Z', 'UTCTIME', '491231235959Z'],
    ['2020-01-01T12:00:00Z', 'GENERALIZEDTIME', '20500101000000Z'],
  ])('a certificate of %s ends on its side of the year 2050', (moment, type, written) => {
    const { certificatePem } = made({ now: new Date(moment) });
    const until = new Date(Date.parse(moment) + 262_980 * 3_600_000);
    expect(new Date(new X509Certificate(certificatePem).validTo)).toEqual(until);
    if (hasOpenssl)
      expect(openssl(certificatePem, 'asn1parse')).toMatch(new RegExp(`${type}\\s+:${written}`));
  });

  test.each([
    ['no date at all', Number.NaN],
    ['the end of time', 8.64e15],
    ['a year beyond 9999', Date.UTC(9990, 0)],
    ['a year before 0', Date.UTC(-1, 0)],
  ])('%s is refused', (_, moment) => {
    expect(thrown(() => made({ now: new Date(moment) })).code).toBe('OPTIONS_INVALID');
  });
});

describe('the forms in which a certificate travels', () => {
  const { certificatePem, der } = createCertificate();

  test('PEM has 64 columns, the field of the handshake line no padding', () => {
    expect(certificatePem).toMatch(
      /^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/]{1,64}={0,2}\n-----END CERTIFICATE-----\n$/,
    );
    expect(encodeCertificateField(der)).toMatch(/^[A-Za-z0-9+/]+$/);
  });

  test('each leads back to the same bytes, whatever the length', () => {
    // Three serial numbers of different length meet every length of padding.
    for (const serial of ['01', '0101', '010101']) {
      const made = createCertificate({ curve: 'P-256', serial: Buffer.from(serial, 'hex') });
      expect(pemToDer(made.certificatePem).equals(made.der)).toBe(true);
      expect(derToPem(made.der)).toBe(made.certificatePem);
      expect(decodeCertificateField(encodeCertificateField(made.der))).toBe(made.certificatePem);
    }
  });

  test('PEM is found among other text and with other ends of line', () => {
    expect(pemToDer(`# our root\r\n${certificatePem.replaceAll('\n', '\r\n')}more`).equals(der)).toBe(true);
  });

  const field = encodeCertificateField(der);
  test.each([
    ['nothing', ''],
    ['padding', `${field.slice(0, -2)}==`],
    ['the URL alphabet', field.replace(/[+/]/, '-').replace(/^M/, '_')],
    ['a cut', field.slice(0, 300)],
    ['a length that base64 never has', 'x'.repeat(53)],
    ['a line feed inside', `${field.slice(0, 100)}\n${field.slice(100)}`],
    [
      'base64 of something else',
      Buffer.from('no certificate'.repeat(9)).toString('base64').replace(/=/g, ''),
    ],
    ['base64 of PEM', Buffer.from(certificatePem).toString('base64').replace(/=/g, '')],
    ['two certificates', encodeCertificateField(Buffer.concat([der, der]))],
    ['a byte behind', encodeCertificateField(Buffer.concat([der, Buffer.alloc(1)]))],
  ])('%s instead of a field is unreadable', (_, text) => {
    expect(thrown(() => decodeCertificateField(text)).code).toBe('CERTIFICATE_UNREADABLE');
  });

  test.each([
    ['', 'no PEM'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'no certificate in it'],
    [createCertificate({ curve: 'P-256' }).keyPem, 'a key'],
    [certificatePem.slice(0, 300), 'half of it'],
  ])('PEM that is none is unreadable', (text) => {
    expect(thrown(() => pemToDer(text)).code).toBe('CERTIFICATE_UNREADABLE');
  });

  test('an error about a certificate shows no more than its beginning', () => {
    const error = thrown(() => decodeCertificateField('*'.repeat(60_000)));
    expect(error.message.length).toBeLessThan(500);
  });
});
