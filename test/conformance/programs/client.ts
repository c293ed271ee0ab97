// The client under test: node client.js promise|stub|grpc-js
import { ClientCompatRequest, ClientCompatResponse } from '../gen/connectrpc/conformance/v1/client_compat';
import { Channels } from './channels';
import { readFrames, writeFrame } from './frames';
import { callWithPromises } from './promise-calls';
import { callWithStub } from './stub-calls';

const PARALLEL = 8;

const form = process.argv[2] ?? '';
if (!['promise', 'stub', 'grpc-js'].includes(form)) throw new Error(`There is no client ${form}`);
const channels = new Channels(form !== 'grpc-js');
const call = form === 'promise' ? callWithPromises : callWithStub;

async function answer(request: ClientCompatRequest): Promise<ClientCompatResponse> {
  const { testName } = request;
  try {
    const outcome = await call(channels.get(request), request);
    return { testName, result: { $case: 'response', value: outcome.result() } };
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { testName, result: { $case: 'error', value: { message } } };
  }
}

async function main(): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const bytes of readFrames(process.stdin)) {
    const one = answer(ClientCompatRequest.decode(bytes)).then((response) => {
      running.delete(one);
      writeFrame(process.stdout, ClientCompatResponse.encode(response).finish());
    });
    running.add(one);
    if (running.size >= PARALLEL) await Promise.race(running);
  }
  await Promise.all(running);
  channels.close();
  // Calls that were left may keep timers; all is said by now.
  process.stdout.write('', () => process.exit(0));
}

void main();
