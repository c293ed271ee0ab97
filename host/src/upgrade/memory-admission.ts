import { PluginError } from '@plugd/protocol/plugin-error';

/** A limit that somebody set: the host for all of its plugins, or a plugin for its own processes. */
export interface MemoryBudget {
  /** What sets it, for errors: `host`, `plugin`. */
  readonly of: string;
  readonly limitBytes: number;
  /** What is in use of it now, the old generation's part in it. */
  readonly usedBytes: number;
}

/** What is known before anything is started. */
export interface MemoryQuestion {
  readonly plugin: string;
  /** Resident memory of all processes of the old generation; undefined where it has none, or the system doesn't tell. */
  readonly oldBytes: number | undefined;
  readonly oldInstances: number;
  readonly newInstances: number;
  /** What one process of the new generation is said to need. */
  readonly expectedBytes: number | undefined;
  /** As the platform tells it: `Platform.availableMemory`. */
  readonly availableBytes: number | undefined;
  /** What has to stay free of that. */
  readonly reserveBytes: number;
  readonly budgets: readonly MemoryBudget[];
  readonly ifShort: 'refuse' | 'recreate';
}

/**
 * Whether the new generation may be started `beside` the old one, as an overlap and a handoff do. Where there is not room
 * for both, the plugin's options say: `recreate`, the old one ends first, if that makes room enough, or the refusal.
 *
 * Nothing is refused for want of knowledge: what needs an unknown amount is let in, and what the machine does not tell
 * limits nothing.
 *
 * @throws PluginError MEMORY_SHORT
 */
export function admitOverlap(question: MemoryQuestion): 'beside' | 'recreate' {
  const neededBytes = neededFor(question);
  if (neededBytes === undefined) return 'beside';
  const beside = narrowest(question, 0);
  if (neededBytes <= beside.roomBytes) return 'beside';
  const alone = narrowest(question, question.oldBytes ?? 0);
  const fitsAlone = neededBytes <= alone.roomBytes;
  if (question.ifShort === 'recreate' && fitsAlone) return 'recreate';
  throw refusal(question, neededBytes, question.ifShort === 'recreate' ? alone : beside, fitsAlone);
}

/** What the new generation is taken to need, in all of its processes. */
function neededFor(question: MemoryQuestion): number | undefined {
  const { expectedBytes, oldBytes, oldInstances, newInstances } = question;
  if (expectedBytes !== undefined) return expectedBytes * newInstances;
  // Fewer may be running than there should be: it is the running ones that were measured.
  return oldBytes === undefined || oldInstances < 1 ? undefined : (oldBytes / oldInstances) * newInstances;
}

interface Room {
  readonly limit: string;
  readonly roomBytes: number;
}

/** The limit that leaves the least, once so much has been given back. */
function narrowest({ availableBytes, reserveBytes, budgets }: MemoryQuestion, freedBytes: number): Room {
  const rooms: Room[] = budgets.map(({ of, limitBytes, usedBytes }) => ({
    limit: of,
    roomBytes: limitBytes - usedBytes + freedBytes,
  }));
  if (availableBytes !== undefined) {
    rooms.push({ limit: 'machine', roomBytes: availableBytes - reserveBytes + freedBytes });
  }
  const all: Room = { limit: 'machine', roomBytes: Number.POSITIVE_INFINITY };
  return rooms.reduce((least, room) => (room.roomBytes < least.roomBytes ? room : least), all);
}

function refusal(
  { plugin, availableBytes, reserveBytes, budgets, ifShort }: MemoryQuestion,
  neededBytes: number,
  { limit, roomBytes }: Room,
  fitsAlone: boolean,
): PluginError {
  const least = Math.max(0, roomBytes);
  const place = limit === 'machine' ? 'the machine' : `the budget of the ${limit}`;
  const after = ifShort === 'recreate' ? ' even without the old one' : ' beside the old one';
  const hint = fitsAlone
    ? undefined
    : 'Free memory, or raise the budget: it would not fit in the place of the old one either.';
  return new PluginError(
    'MEMORY_SHORT',
    `The new version of plugin ${plugin} is taken to need ${mebibytes(neededBytes)}, and ${place} has ` +
      `${mebibytes(least)} for it${after}.`,
    {
      facts: {
        plugin,
        neededBytes: Math.ceil(neededBytes),
        roomBytes: Math.floor(least),
        limit,
        availableBytes,
        reserveBytes,
        budgets,
      },
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
