import { readFile } from 'node:fs/promises';
import type { RunProgram } from './run-program';

/** Number of a group of users; undefined if there is none of that name. A number is taken as it is. */
export async function lookUpGroup(group: string | number, run: RunProgram): Promise<number | undefined> {
  const text = String(group);
  if (/^\d{1,10}$/.test(text)) {
    const id = Number(text);
    // The highest number means "leave it as it is" to chown.
    return id < 0xffff_ffff ? id : undefined;
  }
  if (!/^[^\s:,/-][^\s:,/]*$/.test(text)) return undefined;
  return (
    numberIn(await readFile('/etc/group', 'utf8').catch(() => ''), text) ??
    // Groups may also live in a directory service, which only the system's own tools can ask.
    numberIn(await run('getent', ['group', text]), text) ??
    fromDirectoryService(await run('dscl', ['.', '-read', `/Groups/${text}`, 'PrimaryGroupID']))
  );
}

function numberIn(table: string | undefined, name: string): number | undefined {
  for (const line of (table ?? '').split('\n')) {
    const [candidate, , id] = line.split(':');
    if (candidate === name && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  return undefined;
}

function fromDirectoryService(answer: string | undefined): number | undefined {
  const id = /^PrimaryGroupID:\s*(\d+)/m.exec(answer ?? '')?.[1];
  return id === undefined ? undefined : Number(id);
}
