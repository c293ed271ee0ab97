/** What a command can be for: the system and the architecture of its processor. */
export const platformNames = [
  'linux-x64',
  'linux-arm64',
  'linux-arm',
  'linux-ia32',
  'linux-ppc64',
  'linux-s390x',
  'linux-riscv64',
  'linux-loong64',
  'darwin-x64',
  'darwin-arm64',
  'windows-x64',
  'windows-arm64',
  'windows-ia32',
  'freebsd-x64',
  'freebsd-arm64',
  'openbsd-x64',
  'openbsd-arm64',
] as const;

export type PlatformName = (typeof platformNames)[number];

/** The machine's, by the words of manifests; it may be one that they have no name for. */
export function platformName(
  system: NodeJS.Platform = process.platform,
  architecture = process.arch,
): string {
  return `${system === 'win32' ? 'windows' : system}-${architecture}`;
}
