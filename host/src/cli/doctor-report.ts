import type { Finding, Verdict } from '../doctor/finding';
import type { Colour, Paint } from './output/colour';

const colours: Readonly<Record<Verdict, Colour>> = { ok: 'green', warn: 'yellow', fail: 'red' };

/** Findings for people, below what they belong to. `quiet`: what is well is left out. */
export function renderFindings(findings: readonly Finding[], paint: Paint, quiet: boolean): string {
  const shown = quiet ? findings.filter(({ verdict }) => verdict !== 'ok') : findings;
  const width = Math.max(0, ...shown.map(({ check }) => check.length));
  // Behind the verdict, the check, and the blanks around them.
  const indent = ' '.repeat(2 + 4 + 2 + width + 2);
  const lines: string[] = [];
  let subject: string | undefined;
  for (const { subject: own, verdict, check, seen, fix, code, details = [] } of shown) {
    if (own !== subject) lines.push(...(subject === undefined ? [] : ['']), own);
    subject = own;
    const coded = code === undefined ? '' : ` [${code}]`;
    lines.push(
      `  ${paint(colours[verdict], verdict)}${' '.repeat(6 - verdict.length)}${check.padEnd(width)}  ${seen}${coded}`,
    );
    for (const detail of details) lines.push(`${indent}| ${detail}`);
    if (fix !== undefined) lines.push(`${indent}→ ${fix}`);
  }
  if (subject !== undefined) lines.push('');
  return [...lines, summaryOf(findings), ''].join('\n');
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (wanted: Verdict) => findings.filter(({ verdict }) => verdict === wanted).length;
  const [failed, warned] = [count('fail'), count('warn')];
  if (failed + warned === 0) return 'All is well.';
  const parts = [
    ...(failed === 0 ? [] : [`${failed} ${failed === 1 ? 'thing has' : 'things have'} to be put right`]),
    ...(warned === 0 ? [] : [`${warned} ${warned === 1 ? 'thing' : 'things'} to be aware of`]),
  ];
  return `${parts.join(', ')}.`;
}
