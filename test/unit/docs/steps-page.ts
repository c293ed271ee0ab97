import {
  type StepCondition,
  type StepRow,
  stepWords,
  strategies,
  undoWords,
} from '../../../host/src/upgrade/step-table';

// The part of docs/architecture.md that is drawn from the table of steps.

const conditions: Readonly<Record<StepCondition, string>> = {
  always: 'always',
  'contract-given': 'a contract is known',
  'verify-given': '`verify` is given',
  stateful: 'it keeps state',
  exclusive: 'it has what only one can have',
  'bake-asked': '`bakeMs` is given, or the strategy has a bake of its own',
  'no-surge': '`rolling` without a surge',
  'not-kept-warm': '`keepWarmMs` is not given',
};

const failures: Readonly<Record<StepRow['onFailure'], string>> = {
  undo: 'all is undone',
  'go-on': 'a warning',
  'go-back': 'an operation back',
};

const restarts: Readonly<Record<StepRow['onRestart'], string>> = {
  clean: 'old, as it was',
  undo: 'old, from the snapshot',
  finish: 'new',
};

/** Everything between the two marks. */
export function renderSteps(): string {
  return [
    '```text',
    ...drawn().flatMap(([name, rows]) => picture(name, rows)),
    '```',
    '',
    'In brackets: calls are held. In parentheses: only where there is need.',
    '',
    '| step | what it does | touches | limit |',
    '|---|---|---|---|',
    ...Object.entries(stepWords).map(([step, words]) => wordsLine(step, words)),
    '',
    '| undo | what it does | touches | limit | where that fails |',
    '|---|---|---|---|---|',
    ...Object.entries(undoWords).map(([undo, words]) => {
      const { orElse } = words;
      return `${wordsLine(undo, words)} ${orElse === undefined ? '' : `**${orElse}**`} |`;
    }),
    ...drawn().flatMap(([name, rows]) => ['', ...table(name, rows)]),
  ].join('\n');
}

/** Strategies with the same steps are drawn once. */
function drawn(): [names: string, rows: readonly StepRow[]][] {
  const named = Object.entries(strategies);
  return [...new Set(Object.values(strategies))].map((rows) => [
    named.flatMap(([name, own]) => (own === rows ? [name] : [])).join(', '),
    rows,
  ]);
}

function wordsLine(
  name: string,
  { does, side, limit }: { does: string; side: string; limit: string | undefined },
): string {
  return `| **${name}** | ${does} | ${side} | ${limit === undefined ? 'waits for nothing' : `\`${limit}\``} |`;
}

function picture(name: string, rows: readonly StepRow[]): string[] {
  const lines: string[] = [];
  const indent = ' '.repeat(10);
  if (name.length >= indent.length) lines.push(name);
  let line = name.length < indent.length ? name.padEnd(indent.length) : indent;
  rows.forEach(({ step, when, held }, index) => {
    const opens = held && rows[index - 1]?.held !== true ? '[ ' : '';
    const closes = held && rows[index + 1]?.held !== true ? ' ]' : '';
    const shown = when === 'always' ? step : `(${step})`;
    const arrow = index === 0 ? '' : ' → ';
    const text = `${opens}${step === 'swap' ? 'SWAP' : shown}${closes}`;
    if (line.length + arrow.length + text.length > 112) {
      lines.push(line);
      line = `${indent}→ ${text}`;
    } else {
      line += arrow + text;
    }
  });
  return [...lines, line];
}

function table(name: string, rows: readonly StepRow[]): string[] {
  return [
    `| ${name} | when | if it fails | undone by | a killed host starts with | % |`,
    '|---|---|---|---|---|---|',
    ...rows.map(
      ({ step, when, onFailure, undo, onRestart, percent }) =>
        `| **${step}** | ${conditions[when]} | ${failures[onFailure]} | ${undo ?? ''} | ${restarts[onRestart]} | ${percent} |`,
    ),
  ];
}
