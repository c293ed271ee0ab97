import { status } from '@grpc/grpc-js';
import { labelPairs } from './exposition';
import { families } from './families';
import { callBounds, Histogram } from './histogram';

const codeNames: readonly string[] = Object.entries(status)
  .flatMap(([name, code]) => (typeof code === 'number' ? [{ name, code }] : []))
  .sort((a, b) => a.code - b.code)
  .map(({ name }) => name);
const unknown = codeNames.indexOf('UNKNOWN');

/** What is counted of the calls of one method on one generation of a plugin. */
export class CallSeries {
  readonly #pairs: string;
  readonly #codes = new Float64Array(codeNames.length);
  readonly #duration = new Histogram(callBounds);

  constructor(plugin: string, generation: string, method: string) {
    this.#pairs = labelPairs({ plugin, generation, method });
  }

  add(code: status, elapsedMs: number): void {
    // A status is a number that the plugin chose.
    const index = code < codeNames.length && code >= 0 ? code : unknown;
    this.#codes[index] = (this.#codes[index] ?? 0) + 1;
    this.#duration.observe(elapsedMs / 1000);
  }

  callsText(): string {
    let text = '';
    for (const [code, count] of this.#codes.entries()) {
      if (count > 0) text += `${families.calls.name}{${this.#pairs},code="${codeNames[code]}"} ${count}\n`;
    }
    return text;
  }

  durationText(): string {
    return this.#duration.text(families.callDuration.name, this.#pairs);
  }
}
