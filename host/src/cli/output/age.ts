/** How long ago, in one or two units, as tables show it: `42s`, `3m`, `5h12m`, `12d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return withRest(minutes, 'm', seconds % 60, 's', 10);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return withRest(hours, 'h', minutes % 60, 'm', 10);
  const days = Math.floor(hours / 24);
  return withRest(days, 'd', hours % 24, 'h', 10);
}

/** Of what is long ago only the larger unit matters. */
function withRest(value: number, unit: string, rest: number, restUnit: string, until: number): string {
  return rest > 0 && value < until ? `${value}${unit}${rest}${restUnit}` : `${value}${unit}`;
}
