import { printable } from '@plugd/protocol/printable';
import fc from 'fast-check';

test('ordinary text in any script stays as it is', () => {
  expect(printable('kv-go: Grüße, 世界 🙂 | C:\\tmp')).toBe('kv-go: Grüße, 世界 🙂 | C:\\tmp');
});

test('what a terminal would obey or hide is spelled out', () => {
  expect(printable('\u001b[31mred\r\n\t\0')).toBe('\\x1b[31mred\\r\\n\\t\\x00');
  expect(printable('\u202eevil\u200b\ufeff\u2028')).toBe('\\u202eevil\\u200b\\ufeff\\u2028');
  expect(printable('a\u061cb\u180ec\ufff9\ufffa\ufffb')).toBe('a\\u061cb\\u180ec\\ufff9\\ufffa\\ufffb');
  expect(printable(Buffer.from([0x61, 0xff, 0xfe]).toString('utf8'))).toBe('a\\ufffd\\ufffd');
  expect(printable('\ud800x\udc00')).toBe('\\ud800x\\udc00');
});

test('long text is cut and says how long it was', () => {
  expect(printable('x'.repeat(70_000))).toBe(`${'x'.repeat(200)}… (70000 characters)`);
  expect(printable('abc🙂def', 4)).toBe('abc… (8 characters)');
});

test('whatever comes in, one well-formed line of bounded length comes out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      expect(Buffer.from(shown).toString()).toBe(shown);
      expect(shown.length).toBeLessThan(200 * 6 + 30);
    }),
  );
});
