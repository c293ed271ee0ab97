import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificate } from '@plugd/protocol/certificate';

/** A certificate with its key, as texts and as files. */
export interface PemFiles {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly certificate: string;
  readonly key: string;
}

/** Certificates in a directory of their own, made with the first; {@link dispose} removes it. */
export class PemDirectory {
  #directory: string | undefined;

  make(name: string): PemFiles {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'pem-'));
    const { certificatePem, keyPem } = createCertificate({ curve: 'P-256' });
    const certificate = join(this.#directory, `${name}.pem`);
    const key = join(this.#directory, `${name}-key.pem`);
    writeFileSync(certificate, certificatePem);
    writeFileSync(key, keyPem, { mode: 0o600 });
    return { certificatePem, keyPem, certificate, key };
  }

  dispose(): void {
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }
}
