import { createCertificate } from '@plugd/protocol/certificate';
import type { KeyedCertificate } from '../launch/instance-record';

/**
 * Certificates for AutoMTLS: a new one for each process, as go-plugin does. One is kept ready, so that making it
 * (a few milliseconds) is no part of a plugin's start.
 */
export class CertificateSupply {
  #spare: KeyedCertificate | undefined;
  #timer: NodeJS.Immediate | undefined;

  take(): KeyedCertificate {
    const certificate = this.#spare ?? make();
    this.#spare = undefined;
    return certificate;
  }

  /** Makes the next one as soon as the event loop has nothing better to do. */
  prepare(): void {
    if (this.#spare !== undefined || this.#timer !== undefined) return;
    this.#timer = setImmediate(() => {
      this.#timer = undefined;
      this.#spare ??= make();
    });
    this.#timer.unref();
  }
}

function make(): KeyedCertificate {
  const { certificatePem, keyPem } = createCertificate({ curve: 'P-521' });
  return { certificatePem, keyPem };
}
