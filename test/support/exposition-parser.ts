// The text form of Prometheus, version 0.0.4, read strictly: what isn't said by its description is an error.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const number = /^(?:[+-]?Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/;

/** Families by name. Throws, with the line, what a scraper would refuse, and what a person would be led astray by. */
export function parseExposition(text: string): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { name: string; type: string; help: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current: { name: string; type: string; help: string; samples: Sample[] } | undefined;
  for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${index + 1}: ${why}: ${line.slice(0, 300)}`);
    };
    if (line === '') continue;
    const head = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (head !== null) {
      const [, what, name = '', rest = ''] = head;
      if (what === 'HELP') {
        if (families.has(name)) fail('a family that comes twice');
        current = { name, type: '', help: rest, samples: [] };
        families.set(name, current);
      } else {
        if (current?.name !== name || current.type !== '' || current.samples.length > 0)
          fail('misplaced TYPE');
        if (!/^(counter|gauge|histogram)$/.test(rest)) fail('unknown type');
        if (current !== undefined) current.type = rest;
      }
      continue;
    }
    if (line.startsWith('#')) fail('a comment that nobody wrote');
    const sample = parseSample(line, fail);
    const key = line.slice(0, line.lastIndexOf(' '));
    if (seen.has(key)) fail('a series that comes twice');
    seen.add(key);
    if (current === undefined || !belongs(sample, current.name, current.type))
      fail('not of the family above');
    current?.samples.push(sample);
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function parseSample(line: string, fail: (why: string) => never): Sample {
  const name = metricName.exec(line)?.[0] ?? fail('no name');
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    while (!rest.startsWith('}')) {
      const label = labelName.exec(rest)?.[0] ?? fail('no label name');
      if (Object.hasOwn(labels, label)) fail('a label twice');
      if (!rest.startsWith(`${label}="`)) fail('a label without value');
      rest = rest.slice(label.length + 2);
      let value = '';
      for (let at = 0; ; at++) {
        const character = rest[at];
        if (character === undefined) fail('a value without end');
        if (character === '"') {
          rest = rest.slice(at + 1);
          break;
        }
        if (character !== '\\') {
          value += character;
          continue;
        }
        const escaped = rest[++at];
        value +=
          escaped === 'n' ? '\n' : escaped === '"' || escaped === '\\' ? escaped : fail('a wrong escape');
      }
      labels[label] = value;
      if (rest.startsWith(',')) rest = rest.slice(1);
      else if (!rest.startsWith('}')) fail('neither comma nor end');
    }
    rest = rest.slice(1);
  }
  if (!/^ \S+$/.test(rest) || !number.test(rest.slice(1))) fail('no number');
  const value = rest.slice(1).replace('Inf', 'Infinity');
  return { name, labels, value: Number(value) };
}

function belongs({ name, labels }: Sample, family: string, type: string): boolean {
  if (type !== 'histogram') return name === family;
  if (name === `${family}_bucket`) return labels['le'] !== undefined;
  return name === `${family}_sum` || name === `${family}_count`;
}

function checkFamily({ name, type, help, samples }: ParsedFamily): void {
  if (type === '' || help.trim() === '') throw new Error(`${name} has no type or no help`);
  if (type === 'counter' && !name.endsWith('_total'))
    throw new Error(`the counter ${name} is not named _total`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0)))
    throw new Error(`${name} is negative`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, { le: number; value: number }[]>();
  const keyOf = ({ labels: { le: _le, ...labels } }: Sample) => JSON.stringify(labels);
  for (const sample of samples.filter((one) => one.name === `${name}_bucket`)) {
    const buckets = series.get(keyOf(sample)) ?? [];
    buckets.push({ le: Number(sample.labels['le']?.replace('Inf', 'Infinity')), value: sample.value });
    series.set(keyOf(sample), buckets);
  }
  for (const part of ['sum', 'count']) {
    const count = samples.filter((one) => one.name === `${name}_${part}`).length;
    if (count !== series.size) throw new Error(`${name} has ${count} of _${part} for ${series.size} series`);
  }
  for (const sample of samples.filter((one) => one.name === `${name}_count`)) {
    const buckets = series.get(keyOf(sample)) ?? [];
    const ordered = buckets.every(({ le, value }, i) => {
      const before = buckets[i - 1];
      return before === undefined || (le > before.le && value >= before.value);
    });
    const last = buckets.at(-1);
    if (!ordered || last?.le !== Number.POSITIVE_INFINITY || last.value !== sample.value)
      throw new Error(`the buckets of ${name}${keyOf(sample)} don't add up`);
  }
}

/** The one sample with these labels, among others. Throws where there is not exactly one. */
export function sampleOf(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const found = samplesOf(families, name, labels);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${found.length} series are ${name} ${JSON.stringify(labels)}`);
  return only.value;
}

/** Those with these labels. `name` may be that of a histogram's part. */
export function samplesOf(
  families: ReadonlyMap<string, ParsedFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  const wanted = Object.entries(labels);
  return (family?.samples ?? []).filter(
    (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
  );
}

/** The series that may only grow: counters, and the parts of histograms. */
export function growing(families: ReadonlyMap<string, ParsedFamily>): Map<string, number> {
  const found = new Map<string, number>();
  for (const { type, samples } of families.values()) {
    if (type === 'gauge') continue;
    for (const { name, labels, value } of samples) found.set(`${name}${JSON.stringify(labels)}`, value);
  }
  return found;
}
