import type { ProcessUsage } from './platform';

/** Reads a line of `ps -o stat= -o rss= -o time= -o lstart=`; undefined if it is none, or of a zombie. */
export function parsePsUsage(line: string): ProcessUsage | undefined {
  const [state, kilobytes, time, ...startTime] = line.trim().split(/\s+/);
  if (state === undefined || state.startsWith('Z') || startTime.length === 0) return undefined;
  const memory = Number(kilobytes);
  return {
    startTime: startTime.join(' '),
    memoryBytes: Number.isNaN(memory) ? undefined : memory * 1024,
    // There is lsof, which takes a second of a processor for it.
    descriptors: undefined,
    cpuMs: parseTime(time ?? ''),
  };
}

/** `12:34.56` on macOS and the BSDs; by POSIX `[dd-]hh:mm:ss`. */
function parseTime(text: string): number | undefined {
  const found = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)$/.exec(text);
  if (found === null) return undefined;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part?.replace(',', '.') ?? 0));
  return Math.round((((days ?? 0) * 24 + (hours ?? 0)) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000);
}
