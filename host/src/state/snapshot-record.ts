/** Whose state it was. */
export interface SnapshotOrigin {
  readonly plugin: string;
  /** The version that wrote it. */
  readonly version: string;
  readonly generation: number;
}

/** What is known of a snapshot that was kept. None of its content. */
export interface KeptSnapshot extends SnapshotOrigin {
  readonly id: string;
  /** Of two snapshots in a store the later one has the larger number, whatever clocks say. */
  readonly sequence: number;
  /** The number of the schema that the bytes are in. */
  readonly schema: number;
  readonly bytes: number;
  /** Of all bytes, in hexadecimal digits. */
  readonly sha256: string;
  /** When it was kept by the wall clock, in ms since 1970: for people. {@link SnapshotStore.ageMs} knows more of its age. */
  readonly takenAt: number;
}

/** As a format writes it. */
export function recordText({
  id,
  sequence,
  plugin,
  version,
  generation,
  schema,
  bytes,
  sha256,
  takenAt,
}: KeptSnapshot): string {
  return JSON.stringify({
    id,
    sequence,
    plugin,
    version,
    generation,
    schema,
    bytes,
    sha256,
    takenAt,
  } satisfies KeptSnapshot);
}

/** Undefined: it is no record. */
export function parseRecord(text: string): KeptSnapshot | undefined {
  const fields = fieldsOf(text);
  if (fields === undefined) return undefined;
  const { id, sequence, plugin, version, generation, schema, bytes, sha256, takenAt } = fields;
  if (!isText(id) || !isText(plugin) || !isText(version) || !isText(sha256)) return undefined;
  if (!isCount(sequence) || !isCount(generation) || !isCount(schema) || !isCount(bytes)) return undefined;
  if (!isCount(takenAt) || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  return { id, sequence, plugin, version, generation, schema, bytes, sha256, takenAt };
}

function fieldsOf(text: string): Partial<Record<keyof KeptSnapshot, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
