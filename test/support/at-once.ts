import { AsyncLocalStorage } from 'node:async_hooks';
import { HostRoom } from './host-room';
import { PluginProcess, type StartOptions } from './plugin-process';

type Task<Row extends readonly unknown[]> = (...row: Row) => Promise<void>;
type Define<Row extends readonly unknown[]> = (name: string, task: Task<Row>, timeoutMs?: number) => void;

/** One after the other where everything is tried, for then some of it is measured. */
const begin = process.env['PLUGD_FULL'] === '1' ? test : test.concurrent;

/** Defines tests of which a few of their file run at once: most of the time of each is waiting for processes. */
export interface TestsAtOnce extends Define<[]> {
  each<Row extends readonly unknown[] | []>(rows: readonly Row[]): Define<Row>;
  each<Row>(rows: readonly Row[]): Define<[Row]>;
}

/** What a test has for itself, and how it is given back. */
export interface Belongings {
  close(): Promise<void>;
}

/**
 * Tests that share nothing: each has belongings of its own, made before it and closed after it, which whatever runs in it
 * finds by the function `own`. They begin with the first of the file, so what a `describe` prepares is no use to them; what
 * `beforeAll` of the file prepares is. `beforeEach` and `afterEach` say nothing about them.
 */
export function testsAtOnce<T extends Belongings>(
  make: () => Promise<T>,
): { readonly atOnce: TestsAtOnce; readonly own: () => T } {
  const storage = new AsyncLocalStorage<T>();
  const own = (): T => {
    const belongings = storage.getStore();
    if (belongings === undefined) throw new Error('no test runs here');
    return belongings;
  };
  const during = async (task: () => Promise<void>): Promise<void> => {
    const belongings = await make();
    try {
      await storage.run(belongings, task);
    } finally {
      await belongings.close();
    }
  };
  const define: Define<[]> = (name, task, timeoutMs) => begin(name, () => during(task), timeoutMs);
  const each =
    (rows: readonly unknown[]): Define<never[]> =>
    (name, task, timeoutMs) => {
      // jest spreads a row that is a list, and so the types of `TestsAtOnce` say.
      const withRow = (...row: unknown[]) => during(() => task(...(row as never[])));
      begin.each(rows)(name, withRow, timeoutMs);
    };
  return { atOnce: Object.assign(define, { each: each as TestsAtOnce['each'] }), own };
}

/** The same with a room for each. */
export function roomsAtOnce(): { readonly atOnce: TestsAtOnce; readonly room: () => HostRoom } {
  const { atOnce, own } = testsAtOnce(() => HostRoom.open());
  return { atOnce, room: own };
}

/** Plugins that do what a test tells them, by files of theirs. */
export interface TestPlugins {
  /** Lets those come up that wait for it. */
  openGate?(): void;
  dispose(): void;
}

/** The same with a room, and plugins that are told by this test alone. */
export function roomsWith<T extends TestPlugins>(
  make: () => T,
): { readonly atOnce: TestsAtOnce; readonly room: () => HostRoom; readonly plugins: () => T } {
  const { atOnce, own } = testsAtOnce(async () => {
    const [room, plugins] = [await HostRoom.open(), make()];
    const close = async () => {
      plugins.openGate?.();
      await room.close().finally(() => plugins.dispose());
    };
    return { room, plugins, close };
  });
  return { atOnce, room: () => own().room, plugins: () => own().plugins };
}

/** The same with plugins whose host is the test itself. */
export function pluginsAtOnce(): {
  readonly atOnce: TestsAtOnce;
  readonly startPlugin: (command: string, options?: StartOptions) => PluginProcess;
} {
  const { atOnce, own } = testsAtOnce(async () => {
    const started: PluginProcess[] = [];
    const close = async () => {
      await Promise.all(started.map((plugin) => plugin.dispose()));
    };
    return { started, close };
  });
  const startPlugin = (command: string, options?: StartOptions) => {
    const plugin = new PluginProcess(command, options);
    own().started.push(plugin);
    return plugin;
  };
  return { atOnce, startPlugin };
}
