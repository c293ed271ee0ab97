import { execFileSync } from 'node:child_process';

/** What the go.mod files ask for. */
export const GO_WANTED = '1.24';

/** No Go command of ours may fetch another toolchain. cgo would need a C compiler and gives us nothing. */
export const goEnvironment = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };

/** The installed Go: its version where it is new enough, else a sentence that says what is wrong. */
export function findGo() {
  let text;
  try {
    text = execFileSync('go', ['version'], {
      encoding: 'utf8',
      env: { ...process.env, ...goEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
  } catch {
    return { problem: `Go is not installed (version ${GO_WANTED} or newer is wanted)` };
  }
  const [, major = '', minor = ''] = /\bgo(\d+)\.(\d+)/.exec(text) ?? [];
  const [wantedMajor, wantedMinor] = GO_WANTED.split('.').map(Number);
  // A build of Go's own sources has no number and is newer than any.
  const newEnough =
    major === '' ||
    Number(major) > wantedMajor ||
    (Number(major) === wantedMajor && Number(minor) >= wantedMinor);
  if (!newEnough) return { problem: `Go ${major}.${minor} is older than ${GO_WANTED}` };
  return { version: text.trim() };
}

export const inCi = () => process.env.CI === 'true' || process.env.CI === '1';
