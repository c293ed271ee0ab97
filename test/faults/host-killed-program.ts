// An application with a host, to be killed: bundled and run by host-killed.test.ts.
// argv: JSON, see Order. Everything that it starts inherits ROOM_MARK.
import { createHost } from '../../host/src/create-host';
import type { LoadOptions } from '../../host/src/instance/load-options';

/** What such a host is to do before it is killed. */
export interface Order {
  readonly runDir: string;
  /** Loaded to the end. */
  readonly load: readonly LoadOptions[];
  /** The line of a plugin that somebody else started. */
  readonly attach?: string;
  /** Begun to be loaded. */
  readonly begin?: LoadOptions;
  /** What the first one is upgraded to, and held at in its check. */
  readonly upgrade?: Partial<LoadOptions>;
}

/** What it says when it has come so far. */
export interface Said {
  readonly addresses: readonly string[];
}

async function main({ runDir, load, attach, begin, upgrade }: Order): Promise<void> {
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const host = await createHost({ runDir, logger: silent });
  const plugins = await Promise.all(load.map((options) => host.load(options)));
  if (attach !== undefined) await host.attach(attach, { name: 'attached', version: '1.0.0' });
  const say = (): void => {
    const addresses = plugins.flatMap((plugin) => plugin.status().instances.map(({ address }) => address));
    process.stdout.write(`${JSON.stringify({ addresses } satisfies Said)}\n`);
  };
  const [first] = plugins;
  if (begin !== undefined) host.load(begin).catch(() => {});
  if (upgrade === undefined) say();
  else {
    first?.upgrade({
      ...upgrade,
      verify: async () => {
        say();
        await new Promise(() => {});
      },
    });
  }
  setInterval(() => {}, 60_000);
}

void main(JSON.parse(process.argv[2] ?? '') as Order);
