import { formatLogTimestamp, isLogTimestamp, toLogTimestamp } from '@plugd/protocol/log-timestamp';
import fc from 'fast-check';

test.each([
  '2026-11-23T05:44:00.123456Z',
  '2026-11-23T05:44:00.123456+02:00',
  '2026-11-23T05:44:00.123456-11:30',
  '2024-02-29T23:59:59.999999Z',
  '2000-02-29T00:00:00.000000Z',
  '0000-01-01T00:00:00.000000Z',
  '2026-11-23T5:44:00,123456Z',
  '2026-11-23T05:44:00.123456+24:60',
])('Go reads %s', (text) => {
  expect(isLogTimestamp(text)).toBe(true);
});

test.each([
  '',
  '2026-11-23T05:44:00Z',
  '2026-11-23T05:44:00.123Z',
  '2026-11-23T05:44:00.1234567Z',
  '2026-11-23T05:44:00.123456',
  '2026-11-23T05:44:00.123456z',
  '2026-11-23 05:44:00.123456Z',
  '2026-11-23T05:44:00.123456+0200',
  '2026-11-23T05:44:00.123456+25:00',
  '2026-11-23T24:00:00.000000Z',
  '2026-11-23T05:60:00.000000Z',
  '2026-11-23T05:44:60.000000Z',
  '2026-13-01T00:00:00.000000Z',
  '2026-00-01T00:00:00.000000Z',
  '2026-04-31T00:00:00.000000Z',
  '2026-02-29T00:00:00.000000Z',
  '1900-02-29T00:00:00.000000Z',
  '2026-11-23T05:44:00.123456Z\n',
])('Go does not read %j', (text) => {
  expect(isLogTimestamp(text)).toBe(false);
});

test('every moment is written in the form that Go reads', () => {
  const moments = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(moments, (moment) => {
      const text = formatLogTimestamp(moment);
      expect(isLogTimestamp(text)).toBe(true);
      expect(new Date(text)).toEqual(moment);
    }),
  );
});

test('a timestamp of another form is converted, one that is none gives way to now', () => {
  expect(toLogTimestamp('2026-11-23T05:44:00.123456+02:00')).toBe('2026-11-23T05:44:00.123456+02:00');
  expect(toLogTimestamp('2026-11-23T05:44:00Z')).toBe('2026-11-23T05:44:00.000000Z');
  for (const text of [undefined, '', 'yesterday', '+012026-01-01T00:00:00Z']) {
    const written = toLogTimestamp(text);
    expect(isLogTimestamp(written)).toBe(true);
    expect(written).not.toContain('12026');
  }
});
