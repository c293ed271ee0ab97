import { CliContext } from '../../../host/src/cli/context';
import { operationDisplay } from '../../../host/src/cli/operation/operation-display';
import type { OperationNews } from '../../../host/src/cli/operation/operation-news';
import { begunState, type OperationState, withNews } from '../../../host/src/cli/operation/operation-state';
import { drawOperation } from '../../../host/src/cli/operation/picture';
import { progressLine } from '../../../host/src/cli/operation/progress-line';
import { spokenMs } from '../../../host/src/cli/operation/spoken-ms';
import { painted } from '../../../host/src/cli/output/colour';

const begun = begunState({
  id: 'kv-1',
  plugin: 'kv',
  operation: 'upgrade',
  fromVersion: '1.0.0',
  toVersion: '2.0.0',
  startedAt: 0,
  endedAt: 0,
  outcome: 'running',
  code: '',
  message: '',
});

interface Told {
  readonly message?: string;
  readonly percentNew?: number;
}

function step(
  name: string,
  phase: string,
  elapsedMs: number,
  percent: number,
  { message, percentNew }: Told = {},
): OperationNews & { kind: 'progress' } {
  return { kind: 'progress', progress: { step: name, phase, elapsedMs, percent, message, percentNew } };
}

function calls(oldInFlight: number, newInFlight: number, held: number): OperationNews {
  const versions = { oldVersion: '1.0.0', newVersion: '2.0.0' };
  return { kind: 'traffic', traffic: { ...versions, oldInFlight, newInFlight, held } };
}

const heard = (...news: readonly OperationNews[]): OperationState => news.reduce(withNews, begun);

const canary = heard(
  step('prepare', 'started', 0, 0),
  step('prepare', 'done', 2, 2),
  step('start', 'started', 2, 2),
  step('start', 'done', 63, 10),
  step('shift', 'started', 63, 10),
  calls(40, 0, 0),
  step('shift', 'running', 2063, 27.5, {
    message: '25 % of new calls go to 2.0.0: too few yet',
    percentNew: 25,
  }),
  calls(30, 10, 0),
);

test('a picture shows what it is, how far, what was done, what goes on, and where the calls are', () => {
  expect(drawOperation(canary, { width: 80, sinceMs: 400 }).map((line) => line.trimEnd())).toEqual([
    `kv: upgrade 1.0.0 → 2.0.0${' '.repeat(50)}2.5 s`,
    `${'█'.repeat(13)}${'░'.repeat(35)}  28 %`,
    '  ✓ prepare 2 ms  ✓ start 61 ms',
    '  ▸ shift 2.4 s  25 % of new calls go to 2.0.0: too few yet',
    `  old 1.0.0  ${'█'.repeat(18)}${'░'.repeat(6)}  30 in flight`,
    `  new 2.0.0  ${'█'.repeat(6)}${'░'.repeat(18)}  10 in flight, 25 % of new calls`,
  ]);
});

test('held calls are shown as long as there are any', () => {
  const held = withNews(canary, calls(2, 0, 7));
  expect(drawOperation(held, { width: 80 }).at(-1)).toBe('  held       7 waiting');
  expect(drawOperation(withNews(held, calls(2, 0, 0)), { width: 80 }).join('\n')).not.toContain('waiting');
});

test('what failed and what is undone can be told from what was done', () => {
  const undoing = heard(
    step('start', 'started', 0, 0),
    step('start', 'done', 50, 10),
    step('health', 'started', 50, 10),
    step('health', 'failed', 90, 10),
    step('end-new', 'undoing', 90, 10),
  );
  const lines = drawOperation(undoing, { width: 80 });
  expect(lines[2]).toBe('  ✓ start 50 ms  ✗ health 40 ms');
  expect(lines[3]).toBe('  ↺ end-new 0 ms');
  const over = [step('end-new', 'undone', 95, 10), { kind: 'error', error: {} } as const].reduce(
    withNews,
    undoing,
  );
  expect(drawOperation(over, { width: 80 }).at(-1)).toBe('  ✓ start 50 ms  ✗ health 40 ms  ↺ end-new 5 ms');
});

test('an operation that is over is whole, and shows no calls any more', () => {
  const over = withNews(canary, { kind: 'report', report: {} });
  const lines = drawOperation(over, { width: 80, sinceMs: 99_999 });
  expect(lines[0]).toContain(' 2.1 s');
  expect(lines[1]).toBe(`${'█'.repeat(48)} 100 %`);
  expect(lines).toHaveLength(3);
});

test.each([200, 80, 41, 30, 29, 12, 3, 1])('no line is wider than a terminal of %i columns', (width) => {
  const long = withNews(
    canary,
    step('shift', 'running', 3000, 30, { message: 'ä€𝄞'.repeat(200), percentNew: 25 }),
  );
  for (const state of [begun, canary, long, withNews(long, calls(12_345, 1, 99_999))]) {
    const lines = drawOperation(state, { width });
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(width);
  }
});

test('colours change nothing but colours', () => {
  const shades = drawOperation(canary, { width: 60, paint: painted });
  expect(shades.join('\n')).toContain('\u001b[32m');
  expect(shades.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''))).toEqual(
    drawOperation(canary, { width: 60 }),
  );
});

test('what plugins and strategies say can not move the cursor', () => {
  const evil = withNews(
    canary,
    step('shift', 'running', 1, 1, { message: 'a\u001b[2Jb\r\nc', percentNew: 1 }),
  );
  expect(drawOperation(evil, { width: 80 }).join('')).not.toMatch(/[\u0000-\u001f]/);
});

test('where nothing can be painted over there is a line for what is news', () => {
  const lines: string[] = [];
  let state = begun;
  const message = '25 % of new calls go to 2.0.0: 3 of 50 calls';
  for (const one of [
    step('start', 'started', 0, 5),
    step('start', 'done', 61, 35),
    step('shift', 'started', 61, 35),
    step('shift', 'running', 100, 40, { message, percentNew: 25 }),
    step('shift', 'running', 300, 41, { message: message.replace('3 of', '30 of'), percentNew: 25 }),
    step('shift', 'running', 500, 60, { message: '50 % of new calls go to 2.0.0: none yet', percentNew: 50 }),
    step('shift', 'failed', 600, 60),
    step('shift-back', 'undoing', 600, 60),
    step('shift-back', 'undone', 610, 60),
  ]) {
    const next = withNews(state, one);
    const line = progressLine(one.progress, next, state);
    if (line !== undefined) lines.push(line);
    state = next;
  }
  expect(lines).toEqual([
    'kv: upgrade 1.0.0 → 2.0.0: start done (35 %, 61 ms)',
    `kv: upgrade 1.0.0 → 2.0.0: ${message} (40 %, 100 ms)`,
    'kv: upgrade 1.0.0 → 2.0.0: 50 % of new calls go to 2.0.0: none yet (60 %, 500 ms)',
    'kv: upgrade 1.0.0 → 2.0.0: shift failed (60 %, 600 ms)',
    'kv: upgrade 1.0.0 → 2.0.0: shift-back undone (60 %, 610 ms)',
  ]);
});

test.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [59_940, '59.9 s'],
  [59_960, '1 m 00 s'],
  [3_599_400, '59 m 59 s'],
  [3_600_000, '1 h 00 m'],
])('%d ms are %s', (ms, text) => {
  expect(spokenMs(ms)).toBe(text);
});

describe('on a terminal that is no picture’s', () => {
  const after = (...all: OperationNews[]) => all.reduce(withNews, begun);
  const busy = after(
    step('prepare', 'started', 0, 0),
    step('prepare', 'done', 5, 10),
    step('start', 'started', 5, 10),
    calls(3, 0, 1),
  );

  test.each([1, 2, 3, 4, 5, 6, 24])('of %d lines no line is lost at its top', (height) => {
    const lines = drawOperation(busy, { width: 80, height });
    expect(lines.length).toBe(Math.min(height, 7));
    if (height === 1) expect(lines).toEqual(['10 % start kv']);
    else expect(lines[0]).toContain('kv: upgrade 1.0.0 → 2.0.0');
    // What was done gives way first.
    expect(lines.some((line) => line.includes('✓ prepare'))).toBe(height > 6);
    expect(lines.some((line) => line.includes('▸ start'))).toBe(height > 2);
  });

  /** What is painted at the end on a terminal of this size. */
  function shown(columns: number, rows: number): string[] {
    let text = '';
    const stderr = { isTTY: true, columns, rows, write: (piece: string) => (text = piece) };
    const context = new CliContext({ stdout: stderr, stderr, env: { NO_COLOR: '1' }, cwd: () => '/' });
    const display = operationDisplay(context, busy);
    display.end();
    expect(context.width).toBe(columns === 0 ? undefined : columns);
    return text
      .replaceAll(/\u001b\[\d*[A-Z]|\r/g, '')
      .trimEnd()
      .split('\n');
  }

  test('that does not know its size is taken for a usual one', () => {
    expect(shown(0, 0)[0]).toMatch(/^kv: upgrade 1\.0\.0 → 2\.0\.0 /);
    expect(shown(0, 0)).toHaveLength(7);
  });

  test('with few rows leaves the last one to the cursor', () => {
    expect(shown(80, 4)).toHaveLength(3);
  });
});
