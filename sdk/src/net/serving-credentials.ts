import { ServerCredentials } from '@grpc/grpc-js';
import type { BrokerSecurity } from '@plugd/protocol/broker/security';
import {
  type CertificateCurve,
  createCertificate,
  encodeCertificateField,
  pemToDer,
} from '@plugd/protocol/certificate';

/** The plugin's own TLS, in place of AutoMTLS. The host must be told to trust it. */
export interface TlsOptions {
  /** The plugin's certificate, with its chain if there is one. */
  readonly certificatePem: string;
  /** Its private key. */
  readonly keyPem: string;
  /** Whoever calls must show a certificate of this authority. Default: anybody may call. */
  readonly clientCaPem?: string;
}

/** How the plugin encrypts. */
export interface ServingCredentials {
  readonly credentials: ServerCredentials;
  /** Sixth field of the handshake line; empty where the host can't learn the certificate from it. */
  readonly certificateField: string;
  /** For brokered connections, in both directions. */
  readonly security: BrokerSecurity | 'none' | 'one-sided';
}

/**
 * @param hostCertificatePem asks for AutoMTLS: only the holder of this certificate may call
 * @throws PluginError CERTIFICATE_UNREADABLE
 */
export function servingCredentials(options: {
  readonly tls: TlsOptions | undefined;
  readonly hostCertificatePem: string;
  readonly curve: CertificateCurve;
}): ServingCredentials {
  const { tls, hostCertificatePem } = options;
  if (tls !== undefined) {
    const { certificatePem, keyPem, clientCaPem } = tls;
    return {
      credentials: secure(clientCaPem, certificatePem, keyPem),
      certificateField: '',
      security:
        clientCaPem === undefined ? 'one-sided' : { certificatePem, keyPem, peerCertificatePem: clientCaPem },
    };
  }
  if (hostCertificatePem === '') {
    return { credentials: ServerCredentials.createInsecure(), certificateField: '', security: 'none' };
  }
  pemToDer(hostCertificatePem);
  const own = createCertificate({ curve: options.curve });
  return {
    credentials: secure(hostCertificatePem, own.certificatePem, own.keyPem),
    certificateField: encodeCertificateField(own.der),
    security: {
      certificatePem: own.certificatePem,
      keyPem: own.keyPem,
      peerCertificatePem: hostCertificatePem,
    },
  };
}

function secure(clientCaPem: string | undefined, certificatePem: string, keyPem: string): ServerCredentials {
  return ServerCredentials.createSsl(
    clientCaPem === undefined ? null : Buffer.from(clientCaPem),
    [{ cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(keyPem) }],
    clientCaPem !== undefined,
  );
}
