import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(__dirname, '../..');

/** A fenced block, with what stands behind its first fence: ```ts run=host file=a.ts */
export interface Block {
  /** `docs/hosts.md:12`, the line of the first fence. */
  readonly place: string;
  readonly language: string;
  readonly marks: Readonly<Record<string, string>>;
  readonly text: string;
}

/** README.md, CHANGELOG.md and docs/*.md, as paths from the root. */
export function documents(): string[] {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CHANGELOG.md', ...docs.sort().map((name) => `docs/${name}`)];
}

export function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

/** All fenced blocks of a document. A fence that is never closed is an error: the rest would be swallowed. */
export function blocks(document: string): Block[] {
  const found: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of read(document).split('\n').entries()) {
    const fence = /^ {0,3}(?:```+|~~~+)(.*)$/.exec(line);
    if (fence === null) {
      open?.lines.push(line);
    } else if (open === undefined) {
      open = { line: index + 1, info: fence[1] ?? '', lines: [] };
    } else {
      const [language = '', ...marks] = open.info.trim().split(/\s+/);
      found.push({
        place: `${document}:${open.line}`,
        language,
        marks: Object.fromEntries(marks.map((mark) => mark.split('=', 2))),
        text: `${open.lines.join('\n')}\n`,
      });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${document}:${open.line} opens a block that nothing closes`);
  return found;
}

/** The rows of the first table below a heading, cells trimmed, without head and rule. */
export function tableBelow(document: string, heading: string): string[][] {
  const lines = read(document).split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (start < 0) throw new Error(`${document} has no heading "${heading}"`);
  const rest = lines.slice(start + 1);
  const first = rest.findIndex((line) => line.startsWith('|'));
  const length = rest.slice(first).findIndex((line) => !line.startsWith('|'));
  return rest.slice(first + 2, length < 0 ? undefined : first + length).map((line) =>
    line
      .replace(/^\||\|$/g, '')
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}
