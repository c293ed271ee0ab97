import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

/** What a scenario has found out, by the name of each figure; the unit is part of the name. */
export type Figures = Record<string, number>;

/** What a scenario is given. */
export interface ScenarioContext {
  /** Says on stderr what is going on; replaces what was said before. */
  progress(text: string): void;
  /** Prints a table, its first row being the head. */
  table(rows: readonly (readonly string[])[]): void;
}

/** One thing to measure. Starts and ends all that it needs, within some minutes. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  run(context: ScenarioContext): Promise<Figures>;
}

/** The middle of the values; of an even number, between the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which that part of the values lies, interpolated. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Half the distance between the quartiles: how far a value typically is from the median. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
}

/** `1.234 ± 0.056` */
export function withSpread(values: readonly number[], digits = 3): string {
  return `${median(values).toFixed(digits)} ± ${spread(values).toFixed(digits)}`;
}

/**
 * Runs variants of one thing side by side: in each round every variant once, in an order that turns with the
 * rounds, so that what drifts (the clock, the heap, other programs) meets all of them alike. The first `warmUp`
 * rounds are thrown away. Returns the samples of each variant, round by round.
 */
export async function interleave<Name extends string, Sample>(
  rounds: number,
  warmUp: number,
  variants: Readonly<Record<Name, () => Promise<Sample>>>,
  onRound: (round: number, of: number) => void = () => {},
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(variants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  for (let round = -warmUp; round < rounds; round++) {
    onRound(Math.max(0, round + 1), rounds);
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(((turn + round) % names.length) + names.length) % names.length];
      if (name === undefined) continue;
      const sample = await variants[name]();
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** What this process spent on something. */
export interface Cost {
  readonly elapsedMs: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
}

export async function measure(work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await work();
  const elapsedMs = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  return { elapsedMs, cpuMs: (user + system) / 1000 };
}

/** Each round's quotient of two variants: what a round had of outside noise, both had. */
export function ratios(numerators: readonly number[], denominators: readonly number[]): number[] {
  return numerators.map((numerator, round) => numerator / (denominators[round] ?? Number.NaN));
}

export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  return [lines[0] ?? '', '-'.repeat(lines[0]?.length ?? 0), ...lines.slice(1)].join('\n');
}

/** Runs a scenario, prints what it says and writes its figures to `<directory>/<name>.json`. */
export async function runScenario(scenario: Scenario, directory: string): Promise<Figures> {
  const live = process.stderr.isTTY === true;
  const progress = (text: string): void => {
    process.stderr.write(live ? `\r\x1b[K${scenario.name}: ${text}` : `${scenario.name}: ${text}\n`);
  };
  const table = (rows: readonly (readonly string[])[]): void => {
    if (live) process.stderr.write('\r\x1b[K');
    process.stdout.write(`\n${formatTable(rows)}\n`);
  };
  process.stdout.write(`\n== ${scenario.name}: ${scenario.about}\n`);
  const figures = rounded(await scenario.run({ progress, table }));
  mkdirSync(directory, { recursive: true });
  const result = { scenario: scenario.name, machine: machine(), figures };
  writeFileSync(join(directory, `${scenario.name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
  table([['figure', 'value'], ...Object.entries(figures).map(([name, value]) => [name, String(value)])]);
  return figures;
}

/** What the figures were measured on. */
export function machine(): Record<string, string | number> {
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

function rounded(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(5))]),
  );
}
