import type { CliContext } from '../context';
import { painted, plain, wantsColour } from '../output/colour';
import { LiveBlock } from './live-block';
import type { OperationNews } from './operation-news';
import { type OperationState, withNews } from './operation-state';
import { drawOperation } from './picture';
import { progressLine } from './progress-line';

/** Shows on stderr how an operation goes. */
export interface OperationDisplay {
  hear(news: OperationNews): void;
  /** What was shown last stays. */
  end(): void;
}

const repaintMs = 100;

/** A picture on a terminal, lines for whoever reads a pipe, and nothing for scripts and with `--quiet`. */
export function operationDisplay(context: CliContext, begun: OperationState): OperationDisplay {
  const { stderr, env, output, options } = context;
  if (options.quiet) return silent;
  if (stderr.isTTY === true && env['TERM'] !== 'dumb') return new LiveDisplay(context, begun);
  return output === 'table' ? new LineDisplay(context, begun) : silent;
}

const silent: OperationDisplay = { hear: () => {}, end: () => {} };

class LiveDisplay implements OperationDisplay {
  readonly #context: CliContext;
  readonly #block: LiveBlock;
  readonly #timer: NodeJS.Timeout;
  #state: OperationState;
  #heardAt = performance.now();

  constructor(context: CliContext, begun: OperationState) {
    this.#context = context;
    this.#state = begun;
    this.#block = new LiveBlock(context.stderr);
    this.#timer = setInterval(() => this.#paint(), repaintMs);
    this.#paint();
  }

  hear(news: OperationNews): void {
    const before = this.#state.elapsedMs;
    this.#state = withNews(this.#state, news);
    // Calls are told of between steps too: the clock goes on from the last step.
    if (this.#state.elapsedMs !== before) this.#heardAt = performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#paint();
    this.#block.end();
  }

  #paint(): void {
    const { stderr, env, options } = this.#context;
    this.#block.paint(
      drawOperation(this.#state, {
        // In the last column some terminals begin a new line.
        width: Math.max(1, (stderr.columns || 80) - 1),
        // Below it stands the cursor: what has left the screen at its top can't be painted over.
        height: Math.max(1, (stderr.rows || 24) - 1),
        paint: wantsColour(stderr, env, options.color) ? painted : plain,
        sinceMs: performance.now() - this.#heardAt,
      }),
    );
  }
}

class LineDisplay implements OperationDisplay {
  readonly #context: CliContext;
  #state: OperationState;

  constructor(context: CliContext, begun: OperationState) {
    this.#context = context;
    this.#state = begun;
  }

  hear(news: OperationNews): void {
    const before = this.#state;
    this.#state = withNews(before, news);
    const line = news.kind === 'progress' ? progressLine(news.progress, this.#state, before) : undefined;
    if (line !== undefined) this.#context.note(line);
  }

  end(): void {}
}
