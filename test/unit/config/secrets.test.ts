import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redactor } from '../../../host/src/config/redactor';
import { resolveSettings } from '../../../host/src/config/resolve-settings';
import { readSecret, resolveEnv } from '../../../host/src/config/secrets';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plugd-secrets-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function put(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test('variables come from the config and from files, and only those of files are secrets', async () => {
  const resolved = await resolveEnv({
    MODE: 'fast',
    TOKEN: { file: put('token', 'hush-hush\n') },
    KEY: { file: put('key', 'line 1\nline 2\r\n', 0o400) },
  });
  expect(resolved).toEqual({
    env: { MODE: 'fast', TOKEN: 'hush-hush', KEY: 'line 1\nline 2' },
    secrets: ['hush-hush', 'line 1\nline 2'],
  });
});

test('settings become what a host runs a plugin with', async () => {
  const env = { TOKEN: { file: put('token', 'hush-hush\n') } };
  expect(await resolveSettings({ pin: '1.0.0', instances: 2, env })).toEqual({
    overrides: { pin: '1.0.0', instances: 2, env: { TOKEN: 'hush-hush' } },
    secrets: ['hush-hush'],
  });
  expect(await resolveSettings({ enabled: false })).toEqual({ overrides: { enabled: false }, secrets: [] });
});

test('a link to a secret is followed, as containers have them', async () => {
  put('real', 'hush');
  symlinkSync('real', join(directory, 'link'));
  expect(await readSecret(join(directory, 'link'), 'TOKEN')).toBe('hush');
});

test.each([0o644, 0o640, 0o604, 0o602, 0o660, 0o611])('a secret of mode %o is refused', async (mode) => {
  const file = put('token', 'hush', mode);
  const error = await readSecret(file, 'TOKEN').catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: 'SECRET_UNSAFE', facts: { path: file, variable: 'TOKEN' } });
});

// Only root can give files away.
(process.getuid?.() === 0 ? test : test.skip)('a secret of another user is refused', async () => {
  const file = put('token', 'hush');
  chownSync(file, 12_345, 12_345);
  await expect(readSecret(file, 'TOKEN')).rejects.toMatchObject({
    code: 'SECRET_UNSAFE',
    facts: { owner: 12_345 },
  });
});

test.each([
  ['empty', () => put('token', '')],
  ['nothing but a line end', () => put('token', '\n')],
  ['no text', () => put('token', Uint8Array.of(0xff, 0xfe))],
  ['one with a NUL', () => put('token', 'a\0b')],
  ['too long', () => put('token', 'x'.repeat(64 * 1024 + 1))],
  ['missing', () => join(directory, 'missing')],
  ['a directory', () => directory],
])('a secret that is %s is refused', async (_, make) => {
  await expect(readSecret(make(), 'TOKEN')).rejects.toMatchObject({
    code: 'SECRET_UNREADABLE',
    facts: { variable: 'TOKEN' },
  });
});

test('no error holds the secret', async () => {
  const error: unknown = await readSecret(put('token', 'hush\0hush'), 'TOKEN').catch(
    (caught: unknown) => caught,
  );
  expect(JSON.stringify(error) + String(error)).not.toContain('hush');
});

describe('redaction', () => {
  test('each secret is replaced wherever it stands', () => {
    const redactor = new Redactor(['hush-hush', 'a.b*c']);
    expect(redactor.redact('token=hush-hush, hush-hush; a.b*c axb*c')).toBe('token=***, ***; *** axb*c');
    expect(redactor.redact('nothing of the kind')).toBe('nothing of the kind');
    expect(new Redactor().redact('hush-hush')).toBe('hush-hush');
  });

  test('short values are left alone', () => {
    expect(new Redactor(['1', 'abc']).redact('1 abc')).toBe('1 abc');
    expect(new Redactor(['abcd']).redact('abcde')).toBe('***e');
  });

  test('of two secrets one of which begins the other nothing is left', () => {
    expect(new Redactor(['hush', 'hush-hush']).redact('hush-hush hush')).toBe('*** ***');
  });

  test('the lines of a secret are taken out one by one too', () => {
    const redactor = new Redactor(['-----BEGIN KEY-----\nMIIEvQIBADAN\nend\n']);
    expect(redactor.redact('read MIIEvQIBADAN, at the end')).toBe('read ***, at the end');
  });

  test('of a secret that a cut went through nothing is left', () => {
    const redactor = new Redactor(['correct-horse-battery', 'pa"ss\u001bwörd']);
    expect(redactor.redact('it is correct-hor')).toBe('it is ***');
    expect(redactor.redact('"it is correct-hor… (213 characters)", corr… and pa\\"ss\\u0…')).toBe(
      '"it is ***… (213 characters)", ***… and ***…',
    );
    expect(redactor.redact('it is pa"ss\\x1bw…')).toBe('it is ***…');
    // The cut went through a character.
    const bytes = Buffer.from('it is pa"ss\u001bwörd').subarray(0, -3).toString();
    expect([redactor.redact(bytes), redactor.redact('pa\\"ss\\u001bw\\ufffd')]).toEqual([
      'it is ***\ufffd',
      '***\\ufffd',
    ]);
    // The next piece of a line that was too long.
    expect(redactor.redact('horse-battery, and more')).toBe('***, and more');
    expect(redactor.redact('pa"ss\u001bwörd, correct-horse-battery, corcorrect-horse-')).toBe(
      '***, ***, cor***',
    );
  });

  test('a name that begins like a secret stays one, and so does what stands before other text', () => {
    const redactor = new Redactor(['counter-hush-hush']);
    for (const text of ['counter', 'the counter runs', 'hush-hush', 'is hush-hush', 'a cou', 'a cou… b'])
      expect(redactor.redact(text)).toBe(text);
  });

  test('a secret of any length is taken out, and looked for in any text', () => {
    const secret = `${'ab'.repeat(30_000)}c`;
    const redactor = new Redactor([secret, 'x'.repeat(50_000)]);
    expect(redactor.redact(`is ${secret}`)).toBe('is ***');
    for (const text of ['ab…', 'abab', 'x…', '…', 'xxxxa'].map((piece) => piece.repeat(16_000)))
      expect(redactor.redact(text).length).toBeLessThanOrEqual(text.length);
  });

  test('a secret is known in JSON and in a URL', () => {
    const secret = 'pa"ss wörd/1';
    const redactor = new Redactor([secret]);
    expect(redactor.redact(JSON.stringify({ secret }))).toBe('{"secret":"***"}');
    expect(redactor.redact(`postgres://u:${encodeURIComponent(secret)}@host`)).toBe('postgres://u:***@host');
    expect(new Redactor(['half \ud800 pair']).redact('half \ud800 pair')).toBe('***');
  });

  test('texts anywhere in a document are redacted, and the document is left as it was', () => {
    const redactor = new Redactor(['hush']);
    const document = { a: ['hush', 1, null, true], hush: { b: 'not hushed' }, c: undefined };
    expect(redactor.redactJson(document)).toEqual({
      a: ['***', 1, null, true],
      '***': { b: 'not ***ed' },
      c: undefined,
    });
    expect(document.a[0]).toBe('hush');
  });

  test('a secret of digits is known as a number of a plugin’s, and numbers of plugd’s own stay numbers', () => {
    const redactor = new Redactor(['271828', '0042424', '12345678901234567890', '0000', 'hush']);
    const fields = {
      pin: 271828,
      list: [42424, Number('12345678901234567890'), 2718, 0, 1e21],
      'is hush': 9271828.5,
    };
    expect(redactor.redactFields(fields)).toEqual({
      pin: '***',
      list: ['***', '***', 2718, 0, 1e21],
      'is ***': '***',
    });
    expect(redactor.redactFields(271828)).toBe('***');
    expect(redactor.redactJson(fields)).toMatchObject({ pin: 271828 });
  });

  test('secrets that are added later do not take away those that were known', () => {
    const redactor = new Redactor(['first-one']);
    redactor.add(['second-one']);
    expect(redactor.redact('first-one second-one')).toBe('*** ***');
  });
});
