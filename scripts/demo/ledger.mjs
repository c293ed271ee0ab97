// Runs calls in loops and keeps a ledger of what came back.
import { setTimeout as sleep } from 'node:timers/promises';

export class Ledger {
  calls = 0;
  failures = [];
  #retired = new Set();
  #running = [];
  #stopped = false;

  /** From now on no call that begins may be answered by this process. */
  retire(pid) {
    this.#retired.add(pid);
  }

  async stop() {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  /** Calls again and again until the end; each call resolves with the pids that answered. */
  run(call, pauseMs = 0) {
    this.#running.push(
      (async () => {
        for (let i = 0; !this.#stopped; i++) {
          const retired = new Set(this.#retired);
          try {
            const pids = await call(i);
            const late = pids.find((pid) => retired.has(pid));
            if (late)
              throw new Error(`answered by process ${late}, which had left the route before the call began`);
            if (new Set(pids).size > 1)
              throw new Error(`one stream answered by processes ${[...new Set(pids)]}`);
          } catch (error) {
            this.failures.push(error);
            // A plugin that is down fails a call at once: don't spin.
            await sleep(10);
          }
          this.calls++;
          if (pauseMs > 0 && !this.#stopped) await sleep(pauseMs);
        }
      })(),
    );
  }
}
