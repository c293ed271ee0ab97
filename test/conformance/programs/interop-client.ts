// grpc-go's interop server called by our client: node interop-client.js ADDRESS. One line of JSON for each case.
import { openChannel } from '../../../host/src/connection/channel';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { interopCases } from './interop-cases';

const LIMIT_MS = 10_000;

async function main(address: string): Promise<void> {
  const channel = openChannel({ network: 'tcp', address }, undefined);
  const route = new SwapChannel({ name: 'interop' });
  route.swap({ number: 1, channel });
  for (const [name, run] of Object.entries(interopCases)) {
    let problem: string | undefined;
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`It took more than ${LIMIT_MS} ms`)), LIMIT_MS);
    });
    try {
      await Promise.race([run(route.facade()), tooLate]);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    clearTimeout(timer);
    process.stdout.write(`${JSON.stringify({ name, problem })}\n`);
  }
  channel.close();
  // Calls that were left may keep timers; all is said by now.
  process.stdout.write('', () => process.exit(0));
}

void main(process.argv[2] ?? '');
