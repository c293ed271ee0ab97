import { X509Certificate } from 'node:crypto';
import { PluginError } from './plugin-error';
import { printable } from './printable';

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/;

/** A DER certificate as PEM, 64 columns wide, with a line feed at its end. */
export function derToPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/**
 * The DER bytes of the first certificate in a PEM text.
 *
 * @throws PluginError CERTIFICATE_UNREADABLE if there is none, or one that is no X.509 certificate.
 */
export function pemToDer(pem: string): Buffer {
  const body = PEM_BLOCK.exec(pem)?.[1];
  if (body === undefined) {
    throw new PluginError('CERTIFICATE_UNREADABLE', 'The text holds no PEM certificate.', {
      facts: { text: printable(pem, 80) },
      hint: 'Give the text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.',
    });
  }
  return parsed(Buffer.from(body, 'base64'), pem, 'Give one whole certificate as PEM.').raw;
}

/** The sixth field of a handshake line: base64 without padding, which Go could not read. */
export function encodeCertificateField(der: Uint8Array): string {
  return Buffer.from(der).toString('base64').replace(/=+$/, '');
}

/**
 * Reads the sixth field of a handshake line and returns the certificate as PEM.
 *
 * @throws PluginError CERTIFICATE_UNREADABLE if it is not unpadded base64 of one X.509 certificate.
 */
export function decodeCertificateField(text: string): string {
  // Buffer skips what it can't read, and takes the URL alphabet too; the wire takes neither.
  if (!/^[A-Za-z0-9+/]+$/.test(text) || text.length % 4 === 1) {
    throw new PluginError(
      'CERTIFICATE_UNREADABLE',
      `The plugin's certificate is no ${/^[A-Za-z0-9+/]+=+$/.test(text) ? 'unpadded ' : ''}base64: "${printable(text, 80)}".`,
      { facts: { field: printable(text, 80), length: text.length } },
    );
  }
  return derToPem(parsed(Buffer.from(text, 'base64'), text).raw);
}

function parsed(der: Buffer, source: string, hint?: string): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (cause) {
    throw unreadable('These bytes are no X.509 certificate.', source, hint, cause);
  }
  // Node takes PEM for DER, and ignores what follows a certificate.
  if (!certificate.raw.equals(der)) {
    throw unreadable('These bytes hold more than one X.509 certificate in DER.', source, hint);
  }
  return certificate;
}

function unreadable(summary: string, source: string, hint?: string, cause?: unknown): PluginError {
  return new PluginError('CERTIFICATE_UNREADABLE', summary, {
    facts: { field: printable(source, 80), length: source.length },
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}
