import { type ChannelCredentials, credentials, ServerCredentials } from '@grpc/grpc-js';

/** AutoMTLS: brokered connections are secured as the first one is, with the same certificates, both ways. */
export interface BrokerSecurity {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** The one certificate that the other side may show. */
  readonly peerCertificatePem: string;
}

export function clientCredentials(security: BrokerSecurity | undefined): ChannelCredentials {
  if (security === undefined) return credentials.createInsecure();
  const { certificatePem, keyPem, peerCertificatePem } = security;
  return credentials.createSsl(
    Buffer.from(peerCertificatePem),
    Buffer.from(keyPem),
    Buffer.from(certificatePem),
  );
}

export function serverCredentials(security: BrokerSecurity | undefined): ServerCredentials {
  if (security === undefined) return ServerCredentials.createInsecure();
  const { certificatePem, keyPem, peerCertificatePem } = security;
  const pair = { cert_chain: Buffer.from(certificatePem), private_key: Buffer.from(keyPem) };
  return ServerCredentials.createSsl(Buffer.from(peerCertificatePem), [pair], true);
}
