import {
  createHash,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { derToPem } from './certificate-encoding';
import * as der from './der';
import { PluginError } from './plugin-error';

// The forms in which a certificate travels stand apart, so that reading a handshake line doesn't load the writer.
export { decodeCertificateField, derToPem, encodeCertificateField, pemToDer } from './certificate-encoding';

export type CertificateCurve = 'P-521' | 'P-256';

export interface CertificateOptions {
  /** Default P-521, as go-plugin has it. P-256 is faster by tens of milliseconds in the TLS handshake; Go takes it. */
  readonly curve?: CertificateCurve;
  /** The moment that the validity starts from. Default: now. */
  readonly now?: Date;
  /** Serial number, big-endian, at most 20 bytes, not zero. Default: 16 random bytes. */
  readonly serial?: Uint8Array;
}

/** A self-signed certificate with its private key. */
export interface Certificate {
  readonly certificatePem: string;
  /** PKCS #8. It never leaves the process that made it, but for its own record. */
  readonly keyPem: string;
  readonly der: Buffer;
}

interface CurveProfile {
  readonly hash: 'sha256' | 'sha512';
  readonly signatureOid: string;
  /** Bytes of an uncompressed point: what the public key's bit string holds. */
  readonly pointBytes: number;
}

const CURVES: Readonly<Record<CertificateCurve, CurveProfile>> = {
  'P-521': { hash: 'sha512', signatureOid: '1.2.840.10045.4.3.4', pointBytes: 133 },
  'P-256': { hash: 'sha256', signatureOid: '1.2.840.10045.4.3.2', pointBytes: 65 },
};

// go-plugin's validity: some slack for clocks, and about thirty years.
const BACKDATE_MS = 30_000;
const VALIDITY_MS = 262_980 * 3_600_000;

/**
 * Makes the certificate of one end of AutoMTLS by go-plugin's recipe: ECDSA, self-signed, `O=HashiCorp,
 * CN=localhost`, good for both ends of TLS on `localhost`. Written by hand because Node can't make one and a
 * library would cost a plugin more than its whole start.
 *
 * @throws PluginError OPTIONS_INVALID for a moment or serial number that no certificate can carry.
 */
export function createCertificate(options: CertificateOptions = {}): Certificate {
  const draft = new Draft(options);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: draft.curve });
  const body = draft.body(publicKey);
  return draft.finish(body, sign(draft.hash, body, signingKey(privateKey)), privateKey);
}

const generateKeyPairInPool = promisify(generateKeyPair);
const signInPool = promisify(sign);

/**
 * The same, with what takes its milliseconds, the key and the signature, done in the thread pool: for a process
 * that has other things to do meanwhile.
 *
 * @throws as {@link createCertificate} does.
 */
export async function createCertificateInPool(options: CertificateOptions = {}): Promise<Certificate> {
  const draft = new Draft(options);
  const { publicKey, privateKey } = await generateKeyPairInPool('ec', { namedCurve: draft.curve });
  const body = draft.body(publicKey);
  return draft.finish(body, await signInPool(draft.hash, body, signingKey(privateKey)), privateKey);
}

function signingKey(key: KeyObject): { key: KeyObject; dsaEncoding: 'der' } {
  return { key, dsaEncoding: 'der' };
}

/** A certificate but for its key and its signature. */
class Draft {
  readonly curve: CertificateCurve;
  readonly hash: CurveProfile['hash'];
  readonly #profile: CurveProfile;
  readonly #serial: Buffer;
  readonly #validity: Buffer;
  readonly #algorithm: Buffer;

  constructor(options: CertificateOptions) {
    this.curve = options.curve ?? 'P-521';
    this.#profile = CURVES[this.curve];
    this.hash = this.#profile.hash;
    this.#serial = serialNumber(options.serial ?? randomSerial());
    this.#validity = validityPeriod(options.now ?? new Date());
    this.#algorithm = der.sequence(der.objectIdentifier(this.#profile.signatureOid));
  }

  /** What is signed. */
  body(publicKey: KeyObject): Buffer {
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const name = distinguishedName();
    const version3 = der.unsignedInteger(Buffer.from([2]));
    return der.sequence(
      der.explicit(0, version3),
      this.#serial,
      this.#algorithm,
      name,
      this.#validity,
      name,
      spki,
      der.explicit(3, extensions(spki.subarray(-this.#profile.pointBytes))),
    );
  }

  finish(body: Buffer, signature: Buffer, privateKey: KeyObject): Certificate {
    const certificate = der.sequence(body, this.#algorithm, der.bitString(signature));
    return {
      certificatePem: derToPem(certificate),
      keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      der: certificate,
    };
  }
}

function randomSerial(): Uint8Array {
  const bytes = randomBytes(16);
  // X.509 wants a positive number; the one draw in 2^128 that is not gets a last bit.
  if (bytes.every((byte) => byte === 0)) bytes[15] = 1;
  return bytes;
}

function serialNumber(bytes: Uint8Array): Buffer {
  if (bytes.length > 20 || bytes.every((byte) => byte === 0)) {
    throw new PluginError('OPTIONS_INVALID', 'A serial number has at most 20 bytes and is not zero.', {
      facts: { option: 'serial', bytes: bytes.length },
    });
  }
  return der.unsignedInteger(bytes);
}

function validityPeriod(now: Date): Buffer {
  const from = new Date(now.getTime() - BACKDATE_MS);
  const until = new Date(now.getTime() + VALIDITY_MS);
  // An invalid date has the year NaN, which fails both comparisons.
  if (!(from.getUTCFullYear() >= 0 && until.getUTCFullYear() <= 9999)) {
    throw new PluginError('OPTIONS_INVALID', 'A certificate must begin and end in the years 0 to 9999.', {
      facts: { option: 'now', value: String(now.getTime()) },
    });
  }
  return der.sequence(der.time(from), der.time(until));
}

function distinguishedName(): Buffer {
  const attribute = (oid: string, value: string) =>
    der.setOf(der.sequence(der.objectIdentifier(oid), der.printableString(value)));
  // The organisation is there because macOS refuses a certificate without one.
  return der.sequence(attribute('2.5.4.10', 'HashiCorp'), attribute('2.5.4.3', 'localhost'));
}

function extensions(point: Uint8Array): Buffer {
  const extension = (oid: string, value: Uint8Array) =>
    der.sequence(der.objectIdentifier(oid), der.octetString(value));
  const critical = (oid: string, value: Uint8Array) =>
    der.sequence(der.objectIdentifier(oid), der.booleanTrue(), der.octetString(value));
  const clientAuth = der.objectIdentifier('1.3.6.1.5.5.7.3.2');
  const serverAuth = der.objectIdentifier('1.3.6.1.5.5.7.3.1');
  // RFC 7093, method 1, as newer Go has it: unlike SHA-1 it is there in every build of OpenSSL.
  const keyIdentifier = createHash('sha256').update(point).digest().subarray(0, 20);
  return der.sequence(
    // Key usage: digitalSignature, keyEncipherment, keyAgreement, keyCertSign.
    critical('2.5.29.15', der.namedBits(0, 2, 4, 5)),
    extension('2.5.29.37', der.sequence(clientAuth, serverAuth)),
    // Basic constraints: a certificate authority, because the peer trusts it as its own root.
    critical('2.5.29.19', der.sequence(der.booleanTrue())),
    extension('2.5.29.14', der.octetString(keyIdentifier)),
    // Subject alternative name: dNSName localhost.
    extension('2.5.29.17', der.sequence(der.implicit(2, Buffer.from('localhost')))),
  );
}
