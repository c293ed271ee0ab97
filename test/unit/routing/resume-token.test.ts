import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import type { ResumeFields } from '../../../host/src/contract/resume-fields';
import { requestWith, tokenOf } from '../../../host/src/routing/resume-token';

const text: ResumeFields = { token: 3, request: 5, wireType: 2, type: 'string' };
const number: ResumeFields = { token: 3, request: 5, wireType: 0, type: 'uint64' };

/** The bytes of a message, by what writes them. */
const written = (write: (writer: BinaryWriter) => BinaryWriter): Buffer =>
  Buffer.from(write(new BinaryWriter()).finish());

test('a token is found among other fields, as it is written', () => {
  expect(
    tokenOf(
      written((w) => w.tag(1, 2).string('a').tag(3, 0).uint64(300).tag(4, 2).string('b')),
      number,
    ),
  ).toEqual(Buffer.from([0xac, 0x02]));
  expect(
    tokenOf(
      written((w) => w.tag(3, 2).string('ab')),
      text,
    ),
  ).toEqual(Buffer.from([2, 97, 98]));
});

test('of several the last one counts', () => {
  expect(
    tokenOf(
      written((w) => w.tag(3, 0).uint64(1).tag(3, 0).uint64(2)),
      number,
    ),
  ).toEqual(Buffer.from([2]));
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['one of another type', written((w) => w.tag(3, 2).string('1'))],
  ['a field that goes on behind the end', Buffer.from([0x1a, 9, 1])],
  ['a tag that is none', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
])('%s is no token', (_, message) => {
  expect(tokenOf(message, number)).toBeUndefined();
});

test('what is kept of a message does not keep the message', () => {
  const message = Buffer.concat([written((w) => w.tag(3, 0).uint64(7)), Buffer.from([0x0a, 0])]);
  const token = tokenOf(message, number);
  message.fill(0);
  expect(token).toEqual(Buffer.from([7]));
});

test('a request gets the token in the place of its own, and keeps all else', () => {
  const request = written((w) =>
    w.tag(1, 2).string('key').tag(5, 0).uint64(1).tag(9, 0).uint64(2).tag(5, 0).uint64(3),
  );
  expect(requestWith(request, Buffer.from([7]), number)).toEqual(
    written((w) => w.tag(1, 2).string('key').tag(9, 0).uint64(2).tag(5, 0).uint64(7)),
  );
  expect(requestWith(Buffer.alloc(0), Buffer.from([1, 97]), text)).toEqual(
    written((w) => w.tag(5, 2).string('a')),
  );
});

test('any token of any message comes to any request', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(), (token, other, noise) => {
      const message = written((w) =>
        w.tag(7, 0).uint64(noise).tag(3, 2).string(token).tag(4, 2).string(other),
      );
      const found = tokenOf(message, text);
      if (found === undefined) throw new Error('none');
      const request = written((w) => w.tag(1, 2).string(other).tag(5, 2).string(other));
      expect(requestWith(request, found, text)).toEqual(
        written((w) => w.tag(1, 2).string(other).tag(5, 2).string(token)),
      );
    }),
  );
});
