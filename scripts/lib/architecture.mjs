import path from 'node:path';

/** The files beside the rooms, which join those before them to a host; those after them stand on that. */
const joined = 'host.ts and the files beside it';

/** Rooms of the host's sources, in the order of a plugin's life: a room imports only rooms before it. */
export const hostRooms = [
  'events',
  'artifact',
  'platform',
  'launch',
  'contract',
  'state',
  'connection',
  'resources',
  'instance',
  'routing',
  'supervision',
  'analysis',
  'strategies',
  'shadow',
  'journal',
  'upgrade',
  'front-door',
  'manifest',
  'watch',
  'conform',
  joined,
  'config',
  'logs',
  'metrics',
  'admin',
  'remote',
  'daemon',
  'doctor',
  'cli',
];

/** Which of our packages each package may import, itself aside. */
const mayImport = { proto: [], sdk: ['@plugd/protocol'], host: ['@plugd/protocol'] };

/**
 * Sentences about imports that go the wrong way.
 * @param {Record<string, { request: string, id: string | null }[] | null>} tree imports by file, as dpdm gives them
 */
export function wrongImports(tree) {
  const findings = [];
  for (const [file, imports] of Object.entries(tree)) {
    const [owner, source] = file.split('/');
    if (!(owner in mayImport) || source !== 'src') continue;
    for (const { request } of imports ?? []) {
      const problem = request.startsWith('.')
        ? relativeProblem(file, request)
        : packageProblem(owner, request);
      if (problem) findings.push(`${file} imports ${request}: ${problem}`);
    }
  }
  return findings;
}

function packageProblem(owner, request) {
  if (!request.startsWith('@plugd')) return undefined;
  const name = request.split('/').slice(0, 2).join('/');
  return mayImport[owner].includes(name) ? undefined : `${owner} must not import ${name}`;
}

function relativeProblem(file, request) {
  const target = path.posix.join(path.posix.dirname(file), request);
  const own = file.split('/').slice(0, 2).join('/');
  if (!target.startsWith(`${own}/`)) return `it leaves ${own}`;
  // What others import of the package is of all rooms.
  if (own !== 'host/src' || file === 'host/src/index.ts') return undefined;
  return roomProblem(roomOf(file), roomOf(target));
}

/** The first folder below host/src. */
const roomOf = (file) => file.split('/').slice(2, -1)[0] ?? joined;

function roomProblem(from, to) {
  if (from === to) return undefined;
  for (const room of [from, to]) {
    if (!hostRooms.includes(room)) return `the room ${room} has no place in the order of rooms`;
  }
  if (hostRooms.indexOf(to) < hostRooms.indexOf(from)) return undefined;
  return `${to} comes after ${from} in the order of rooms`;
}
