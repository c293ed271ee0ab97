import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './root.mjs';

/**
 * Adds the optional packages for other platforms that npm left out of the lockfile, since the registry at hand
 * doesn't offer them or they were not asked for: `npm ci` refuses a lockfile without them. Their versions are
 * exact in the package that wants them, so nothing is guessed. Returns the names added.
 */
export function completeLockfile(directory = root) {
  const file = path.join(directory, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = missingOptional(lock.packages);
  for (const { name, version, dev } of added) {
    const { cpu, libc, os } = platformOf(name);
    // In npm's order of keys, so that its next run changes nothing; JSON leaves out what is undefined.
    lock.packages[`node_modules/${name}`] = { version, cpu, dev, libc, optional: true, os };
  }
  if (added.length > 0) {
    lock.packages = Object.fromEntries(
      Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
    );
    writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
  }
  return added.map(({ name }) => name);
}

function missingOptional(packages) {
  const missing = [];
  for (const [place, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (/^\d+\.\d+\.\d+/.test(version) && !isFound(packages, place, name))
        missing.push({ name, version, dev });
    }
  }
  return missing;
}

/** Looks where Node would, from the package's own node_modules up to the top. */
function isFound(packages, place, name) {
  for (let from = place; ; from = from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1))) {
    if (`${from === '' ? '' : `${from}/`}node_modules/${name}` in packages) return true;
    if (!from.includes('node_modules/')) return `node_modules/${name}` in packages;
  }
}

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = {
  ...Object.fromEntries(
    ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'].map((cpu) => [
      cpu,
      cpu,
    ]),
  ),
  aarch64: 'arm64',
  armv7: 'arm',
};

/** What such packages say in their names; npm passes over those that don't fit the machine. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const system = words.find((word) => SYSTEMS.includes(word));
  const processor = words.map((word) => PROCESSORS[word]).find((word) => word !== undefined);
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : undefined;
  return { cpu: processor && [processor], libc, os: system && [system] };
}
