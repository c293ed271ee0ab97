import { readFileSync } from 'node:fs';
import type { TlsOptions } from '@plugd/sdk';

/**
 * TLS of the plugin's own when KV_TLS_CERT and KV_TLS_KEY name PEM files; with KV_TLS_CA the host must show a
 * certificate that this authority signed.
 */
export function ownTls(env: NodeJS.ProcessEnv): TlsOptions | undefined {
  const { KV_TLS_CERT: certificate, KV_TLS_KEY: key, KV_TLS_CA: authority } = env;
  if (!certificate || !key) return undefined;
  return {
    certificatePem: readFileSync(certificate, 'utf8'),
    keyPem: readFileSync(key, 'utf8'),
    ...(authority ? { clientCaPem: readFileSync(authority, 'utf8') } : {}),
  };
}
