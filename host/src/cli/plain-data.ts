/** Reads documents of another process, which may be of another release: what is missing or of another kind is empty. */
export type PlainData = Readonly<Record<string, unknown>>;

export function recordOf(value: unknown): PlainData {
  return isRecord(value) ? value : {};
}

export function listOf(value: unknown): PlainData[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function isRecord(value: unknown): value is PlainData {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
