/** What a canary says of a failure that it was told to make, so that it can be told from all others. */
export function ownFailure(version: string, pid: number): string {
  return `as it was told: ${version} ${pid}`;
}

/** Who made such a failure; undefined for every other one. */
export function makerOf(details: string): { readonly servedBy: string; readonly pid: number } | undefined {
  const [, servedBy, pid] = /^as it was told: (\S+) (\d+)$/.exec(details) ?? [];
  return servedBy === undefined ? undefined : { servedBy, pid: Number(pid) };
}
