// An application whose plugins lie in a directory: bundled and run by the test beside it, which kills it. argv: JSON, see KilledOrder.
import { createHost } from '../../host/src/create-host';

/** What such a host does. */
export interface KilledOrder {
  readonly runDir: string;
  readonly stateDir: string;
  readonly pluginsDir: string;
  /** It kills itself when the upgrade begins this step. */
  readonly at: string;
}

async function main({ at, pluginsDir: directory, ...places }: KilledOrder): Promise<void> {
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const host = await createHost({ ...places, pluginsDir: { directory, quietMs: 60 }, logger: silent });
  host.on('event', (event) => {
    if (event.type !== 'operation' || event.step !== at || event.phase !== 'started') return;
    process.kill(process.pid, 'SIGKILL');
  });
  process.stdout.write('ready\n');
  // Whoever began it may be gone.
  process.stdin.resume().on('end', () => process.exit(1));
}

void main(JSON.parse(process.argv[2] ?? ''));
