import { Metadata } from '@grpc/grpc-js';
import { forwardedAnswer, forwardedRequest } from '../../../host/src/front-door/forwarded-metadata';
import { encodeDetails, readTimeout } from '../../../host/src/front-door/grpc-wire';

test.each([
  ['100m', 100],
  ['2S', 2_000],
  ['1M', 60_000],
  ['99999999H', Number.POSITIVE_INFINITY],
  ['99999999S', 99_999_999_000],
  ['500u', 0.5],
  ['1000000n', 1],
  [undefined, Number.POSITIVE_INFINITY],
])('the timeout %s is %s ms', (value, ms) => {
  expect(readTimeout(value)).toBeCloseTo(ms);
});

test.each(['', '1', 'm', '-1m', '1.5S', '123456789m', '1 m', '1x'])('%j is no timeout', (value) => {
  expect(readTimeout(value)).toBeUndefined();
});

test.each(['plain', 'per cent %', 'two\nlines', 'ünïcode ✓', '\ud800 half'])(
  'the details %j come out as they went in',
  (details) => {
    const encoded = encodeDetails(details);
    expect(encoded).toMatch(/^[ -~]*$/);
    expect(decodeURIComponent(encoded)).toBe(Buffer.from(details).toString());
  },
);

describe('of the metadata of a request', () => {
  const seen = (headers: Record<string, string | string[]>) => {
    const pairs = Object.entries(headers).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, value]),
    );
    return forwardedRequest(pairs.flat()).toJSON();
  };

  test('what is for this hop alone stays here', () => {
    expect(
      seen({
        ':path': '/a.B/C',
        ':authority': 'x',
        host: 'x',
        te: 'trailers',
        connection: 'close',
        'content-type': 'application/grpc',
        'user-agent': 'x',
        'grpc-timeout': '1S',
        'grpc-encoding': 'gzip',
        'grpc-accept-encoding': 'gzip',
        'grpc-previous-rpc-attempts': '1',
        'plugd-lineage': 'kv=1',
      }),
    ).toEqual({});
  });

  test("the caller's own goes on, each value of it, and traces do", () => {
    const trace = Buffer.from([0, 1, 255]);
    expect(
      seen({
        authorization: 'Bearer x',
        many: ['a=1', 'a=2, 3'],
        'grpc-trace-bin': trace.toString('base64'),
        'own-bin': ['AQ==,Ag', 'Aw=='],
      }),
    ).toEqual({
      authorization: ['Bearer x'],
      many: ['a=1', 'a=2, 3'],
      'grpc-trace-bin': [trace],
      'own-bin': [Buffer.from([1]), Buffer.from([2]), Buffer.from([3])],
    });
  });
});

test('of the metadata of an answer the plugin’s own goes on, with what its status is about', () => {
  const metadata = new Metadata();
  for (const key of ['grpc-encoding', 'grpc-status', 'content-type', 'date', 'connection'])
    metadata.set(key, 'x');
  metadata.set('own', 'y');
  metadata.set('plugd-code', 'DRAIN_TIMEOUT');
  metadata.set('grpc-status-details-bin', Buffer.from('z'));
  expect(forwardedAnswer(metadata)).toEqual({
    own: 'y',
    'plugd-code': 'DRAIN_TIMEOUT',
    'grpc-status-details-bin': Buffer.from('z').toString('base64'),
  });
});
