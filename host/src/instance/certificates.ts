import { createCertificateInPool } from '@plugd/protocol/certificate';
import type { KeyedCertificate } from '../launch/instance-record';

/**
 * Certificates for AutoMTLS: a new one for each process, as go-plugin does. One is kept ready, so that making it
 * (a few milliseconds) is no part of a plugin's start; and it is made in the thread pool, so that neither does it
 * hold up the calls of other plugins.
 */
export class CertificateSupply {
  #next: Promise<KeyedCertificate> | undefined;

  /** The one that is ready, or nearly so. The next one is made while the plugin that gets it comes up. */
  take(): Promise<KeyedCertificate> {
    const taken = this.#next ?? make();
    this.#next = undefined;
    this.prepare();
    return taken;
  }

  prepare(): void {
    if (this.#next !== undefined) return;
    const next = make();
    this.#next = next;
    // Whoever takes it hears of a failure; one that nobody takes is not kept.
    next.catch(() => {
      if (this.#next === next) this.#next = undefined;
    });
  }
}

async function make(): Promise<KeyedCertificate> {
  const { certificatePem, keyPem } = await createCertificateInPool({ curve: 'P-521' });
  return { certificatePem, keyPem };
}
