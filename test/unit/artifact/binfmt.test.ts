import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasBinfmtHandler, matchesBinfmt } from '../../../host/src/artifact/binfmt';

const armElf = `enabled
interpreter /usr/bin/qemu-aarch64-static
flags: OCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;
const head = Buffer.alloc(64);
head.write('7f454c46020101ff000000000000000003 00b700'.replace(' ', ''), 'hex');

test('a handler is recognised by magic and mask', () => {
  expect(matchesBinfmt(armElf, '/x', head)).toBe(true);
  const other = Buffer.from(head);
  other[18] = 62;
  expect(matchesBinfmt(armElf, '/x', other)).toBe(false);
  expect(matchesBinfmt(armElf, '/x', head.subarray(0, 10))).toBe(false);
});

test('a handler that is switched off does not count', () => {
  expect(matchesBinfmt(armElf.replace('enabled', 'disabled'), '/x', head)).toBe(false);
});

test('a handler is recognised by the extension of the file', () => {
  const entry = 'enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n';
  expect(matchesBinfmt(entry, '/a/b.exe', Buffer.alloc(4))).toBe(true);
  expect(matchesBinfmt(entry, '/a/b', Buffer.alloc(4))).toBe(false);
});

test('handlers are looked for among all that are registered, unless all are off', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'binfmt-'));
  try {
    writeFileSync(join(directory, 'status'), 'enabled\n');
    writeFileSync(join(directory, 'register'), '');
    expect(await hasBinfmtHandler('/x', head, directory)).toBe(false);
    writeFileSync(join(directory, 'qemu-aarch64'), armElf);
    expect(await hasBinfmtHandler('/x', head, directory)).toBe(true);
    writeFileSync(join(directory, 'status'), 'disabled\n');
    expect(await hasBinfmtHandler('/x', head, directory)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a system without such handlers has none', async () => {
  expect(await hasBinfmtHandler('/x', head, '/no/such/directory')).toBe(false);
});
