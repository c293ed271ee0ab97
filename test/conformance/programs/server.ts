// The server under test: node server.js sdk|grpc-js; and `plugin`, which the first of them starts.
import { serve } from '@plugd/sdk';
import type { TlsOptions } from '../../../sdk/src/net/serving-credentials';
import { ServerCompatRequest, ServerCompatResponse } from '../gen/connectrpc/conformance/v1/server_compat';
import { readFrames, writeFrame } from './frames';
import { PLUGIN_TLS, startPluginProcess } from './plugin-process';
import { startRawServer } from './raw-server';
import { plugin } from './sdk-plugin';

/** Whoever started a server and was killed cannot end it. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(1), 500).unref();
}

/** Without an order: for those who only want to know where it listens, as a line of text. */
async function main(form: string, order: 'suite' | 'line'): Promise<void> {
  const request = order === 'suite' ? await firstOrder() : undefined;
  const tls = request?.useTls ? tlsOf(request) : undefined;
  const address = form === 'sdk' ? await startSdkServer(tls) : await startRawServer(tls);
  const [host = '', port] = address.split(':');
  if (order === 'line') {
    process.stdout.write(`${address}\n`);
    process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'));
    return;
  }
  const pemCert = tls === undefined ? Buffer.alloc(0) : Buffer.from(tls.certificatePem);
  writeFrame(process.stdout, ServerCompatResponse.encode({ host, port: Number(port), pemCert }).finish());
}

async function firstOrder(): Promise<ServerCompatRequest> {
  for await (const bytes of readFrames(process.stdin)) return ServerCompatRequest.decode(bytes);
  throw new Error('The suite has ordered nothing');
}

function tlsOf({ serverCreds, clientTlsCert }: ServerCompatRequest): TlsOptions {
  if (serverCreds === undefined) throw new Error('The suite has sent no certificate');
  return {
    certificatePem: serverCreds.cert.toString(),
    keyPem: serverCreds.key.toString(),
    ...(clientTlsCert.length === 0 ? {} : { clientCaPem: clientTlsCert.toString() }),
  };
}

async function startSdkServer(tls: TlsOptions | undefined): Promise<string> {
  const { line, child } = await startPluginProcess(tls);
  process.once('SIGTERM', () => {
    child.once('exit', () => process.exit(0));
    child.kill('SIGTERM');
  });
  child.once('exit', () => process.exit(1));
  return line.address;
}

const [, , form = '', order] = process.argv;
if (form === 'plugin') {
  const tls = process.env[PLUGIN_TLS];
  void serve(plugin, { network: 'tcp', ...(tls === undefined ? {} : { tls: JSON.parse(tls) }) });
} else if (form === 'sdk' || form === 'grpc-js') {
  endWithParent();
  void main(form, order === 'line' ? 'line' : 'suite');
} else {
  throw new Error(`There is no server ${form}`);
}
