import { createCertificate } from '@plugd/protocol/certificate';
import { PluginError } from '@plugd/protocol/plugin-error';
import { PluginBroker } from '../../../sdk/src/broker/plugin-broker';
import { servingCredentials } from '../../../sdk/src/net/serving-credentials';

const makeBroker = (): PluginBroker =>
  new PluginBroker({ draining: new AbortController().signal }, (metadata) => metadata);

test('who waits for a host is told why none will come', async () => {
  const broker = makeBroker();
  const dialled = broker.context.dial(1);
  broker.expectNoMore();
  await expect(dialled).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
  await expect(broker.context.dial(1)).rejects.toMatchObject({ code: 'BROKER_CLOSED' });
});

test('the first reason is the one that is told', async () => {
  const broker = makeBroker();
  broker.expectNoMore(new PluginError('OPTIONS_INVALID', 'no trust'));
  broker.close();
  await expect(broker.context.dial(1)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
});

describe('brokered connections under TLS of the plugin’s own', () => {
  const { certificatePem, keyPem } = createCertificate();
  const security = (clientCaPem?: string) =>
    servingCredentials({
      tls: { certificatePem, keyPem, ...(clientCaPem === undefined ? {} : { clientCaPem }) },
      hostCertificatePem: '',
      curve: 'P-256',
    }).security;

  test('trust whom the plugin trusts', () => {
    const authority = createCertificate().certificatePem;
    expect(security(authority)).toEqual({ certificatePem, keyPem, peerCertificatePem: authority });
  });

  test('are none where anybody may call: never plaintext in their place', () => {
    expect(security()).toBe('one-sided');
  });
});
