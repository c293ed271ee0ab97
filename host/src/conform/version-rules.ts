import type { Laboratory } from './laboratory';
import { type Finding, fail, type Rule, verdict } from './rule';

const section = 'version negotiation';
/** No plugin speaks it. */
const STRANGE = 2_000_000_011;

interface Row {
  readonly id: string;
  readonly rule: string;
  readonly expected: 'the highest' | 'the lowest';
  /** The list that the host sends; null: none. */
  readonly list: (versions: readonly number[]) => string | null;
}

const rows: readonly Row[] = [
  {
    id: 'versions.highest',
    rule: 'Of the versions in the host’s list the plugin chooses the highest that it speaks.',
    expected: 'the highest',
    // In an order that is neither: hosts made with Go send them in any.
    list: (versions) => [versions[0], STRANGE, ...versions.slice(1)].join(','),
  },
  {
    id: 'versions.single',
    rule: 'Offered its lowest version only, it chooses that.',
    expected: 'the lowest',
    list: (versions) => String(versions[0]),
  },
  {
    id: 'versions.none',
    rule: 'With no version in common it announces its lowest all the same, so that the host can name both sides.',
    expected: 'the lowest',
    list: () => String(STRANGE),
  },
  {
    id: 'versions.unset',
    rule: 'Without a list, as from a host that knows none, it announces its lowest.',
    expected: 'the lowest',
    list: () => null,
  },
  {
    id: 'versions.junk',
    rule: 'What is no integer in the list is passed over.',
    expected: 'the highest',
    list: (versions) => ['junk', '1.5', '', ...versions].join(','),
  },
];

/** What a plugin makes of the list of versions that a host sends. */
export const versionRules: readonly Rule<Laboratory>[] = rows.map(({ id, rule, expected, list }) => ({
  id,
  rule,
  section,
  expected: `${expected} of --versions`,
  needs: id === 'versions.highest' ? ['handshake.version'] : ['versions.highest'],
  check: (laboratory) => choice(laboratory, expected, list),
}));

function choice(laboratory: Laboratory, expected: Row['expected'], list: Row['list']): Promise<Finding> {
  const versions = [...laboratory.plugin.versions].sort((a, b) => a - b);
  const wanted = expected === 'the highest' ? versions.at(-1) : versions[0];
  const text = list(versions);
  return laboratory.with({ versions: text }, async (probe) => {
    const first = await probe.firstLine(laboratory.plugin.timeoutMs);
    if (first.kind === 'none') return fail(first.seen);
    const chosen = first.text.split('|')[1] ?? '';
    return verdict(Number(chosen) === wanted, `${chosen}, where ${wanted} is ${expected}`);
  });
}
