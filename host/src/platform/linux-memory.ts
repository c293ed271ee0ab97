import { readText } from './linux-proc';

/**
 * The memory that processes started here may still take: what the machine has, within the limits of each control group
 * that this process is in. Page cache that the kernel can take back counts as free in both. Undefined if neither is told.
 */
export function readAvailableMemory(proc = '/proc', cgroups = '/sys/fs/cgroup'): number | undefined {
  const machine = fieldOf(readText(`${proc}/meminfo`), /^MemAvailable:\s*(\d+) kB/m);
  const rooms = groupsOf(readText(`${proc}/self/cgroup`) ?? '', cgroups).map(roomIn);
  const known = [machine === undefined ? undefined : machine * 1024, ...rooms].filter(isKnown);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** What a control group has to be asked by, in either of the two versions that there are. */
interface ControlGroup {
  readonly directory: string;
  readonly files: {
    readonly limits: readonly string[];
    readonly usage: string;
    /** A line of `memory.stat`: cache that nobody has used lately, of the group and those below it. */
    readonly cache: RegExp;
  };
}

const unified = {
  limits: ['memory.max', 'memory.high'],
  usage: 'memory.current',
  cache: /^inactive_file (\d+)$/m,
};
const legacy = {
  limits: ['memory.limit_in_bytes'],
  usage: 'memory.usage_in_bytes',
  cache: /^total_inactive_file (\d+)$/m,
};

/**
 * The group of this process, and all that it lies in: each may have a limit. Inside a container the path may be that
 * outside of it, of which only the end exists here, or nothing at all but the root, which is the container's own then.
 */
function groupsOf(text: string, mount: string): ControlGroup[] {
  const groups: ControlGroup[] = [];
  for (const line of text.split('\n')) {
    // `0::/path` is the unified hierarchy; `4:memory:/path`, or `4:cpu,memory:/path`, one of the former kind.
    const [, id, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (id === '0' && controllers === '') {
      groups.push(...upwards(mount, path).map((directory) => ({ directory, files: unified })));
    } else if (controllers?.split(',').includes('memory')) {
      groups.push(...upwards(`${mount}/memory`, path).map((directory) => ({ directory, files: legacy })));
    }
  }
  return groups;
}

function upwards(mount: string, path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  return [...names.keys(), names.length].map((count) => [mount, ...names.slice(0, count)].join('/'));
}

/** Undefined where the group has no limit, or is not to be seen from here. */
function roomIn({ directory, files }: ControlGroup): number | undefined {
  const limits = files.limits.map((name) => bytesIn(`${directory}/${name}`)).filter(isKnown);
  const usage = bytesIn(`${directory}/${files.usage}`);
  if (limits.length === 0 || usage === undefined) return undefined;
  const cache = fieldOf(readText(`${directory}/memory.stat`), files.cache) ?? 0;
  return Math.max(0, Math.min(...limits) - Math.max(0, usage - cache));
}

/** The word `max` is no number; without a limit the former kind has one near 2^63. */
function bytesIn(path: string): number | undefined {
  return fieldOf(readText(path), /^(\d+)\s*$/);
}

function fieldOf(text: string | undefined, pattern: RegExp): number | undefined {
  const found = pattern.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

function isKnown(value: number | undefined): value is number {
  return value !== undefined;
}
