import { appendFileSync } from 'node:fs';

/** Keeps what a test has measured, as a line of JSON in the file that `PLUGD_FIGURES` names, if it names one. */
export function noteFigures(test: string, figures: Readonly<Record<string, unknown>>): void {
  const file = process.env['PLUGD_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ test, ...figures })}\n`);
}

/** The middle one and the greatest, rounded. */
export function middleAndMost(numbers: readonly number[]): { readonly p50: number; readonly max: number } {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (index: number): number => Math.round(sorted[index] ?? Number.NaN);
  return { p50: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) };
}
