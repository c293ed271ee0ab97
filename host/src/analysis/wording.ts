/** A share for people. */
export function percent(share: number): string {
  return `${amount(100 * share)} %`;
}

/** A number with three digits that count, for people. */
export function amount(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** How rarely something happens by chance, for people. */
export function oneIn(chance: number | undefined): string {
  if (chance === undefined) return 'now and then';
  return chance < 1e-9
    ? 'less than once in a thousand million times'
    : `once in ${Math.round(1 / chance)} times`;
}
