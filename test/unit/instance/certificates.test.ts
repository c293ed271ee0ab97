import { createPrivateKey, X509Certificate } from 'node:crypto';
import { CertificateSupply } from '../../../host/src/instance/certificates';

test('each process gets a certificate of its own, also when many start at once', async () => {
  const supply = new CertificateSupply();
  supply.prepare();
  const taken = await Promise.all([supply.take(), supply.take(), supply.take()]);
  expect(new Set(taken.map(({ keyPem }) => keyPem)).size).toBe(3);
  for (const { certificatePem, keyPem } of taken) {
    expect(new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
  }
});
