import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createFileRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  ScalarType,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { decodeCertificateField } from '@plugd/protocol/certificate-encoding';
import * as environment from '@plugd/protocol/environment';
import { errorCodes } from '@plugd/protocol/error-codes';
import { ConnInfo } from '@plugd/protocol/gen/plugin/grpc_broker';
import { formatHandshakeLine, parseHandshakeLine } from '@plugd/protocol/handshake-line';
import { LogLineParser } from '@plugd/protocol/log-record';
import { LINEAGE_KEY, Lineage } from '@plugd/protocol/rpc/lineage';
import { negotiateVersion, parseVersionList } from '@plugd/protocol/versions';
import { Flag, type FrameHeader, FrameType, INITIAL_WINDOW_BYTES } from '@plugd/protocol/yamux/frame';
import { FrameParser } from '@plugd/protocol/yamux/frame-parser';
import { blocks, read, root, tableBelow } from './markdown';

// Every line, byte and table of docs/protocol.md is what the code makes, or takes.

const page = 'docs/protocol.md';
const code = (cell = '') => /^(?:stream )?`([^`]*)`/.exec(cell)?.[1] ?? '';
const checked = (check: string) => blocks(page).filter(({ marks }) => marks['check'] === check);
const linesOf = (check: string) => checked(check).flatMap(({ text }) => text.trimEnd().split('\n'));
const bytes = (hex = '') => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** The rows of the tables below a heading whose first cell is `head`. */
function table(head: string): string[][] {
  const lines = read(page).split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  if (start < 0) throw new Error(`${page} has no table of ${head}`);
  const rest = lines.slice(start + 2);
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

const versions = [1, 2, 3, 5];

test('no block has a mark that nothing checks', () => {
  const marks = blocks(page).flatMap(({ marks: { check } }) => check ?? []);
  expect(new Set(marks)).toEqual(new Set(['handshake', 'refused', 'log', 'messages', 'lineage', 'frames']));
});

test('the environment table has the names that the host sets', () => {
  const names = Object.values(environment).filter((value) => /^PLUG/.test(String(value)));
  expect(
    table('variable')
      .map(([name]) => code(name))
      .sort(),
  ).toEqual(names.map(String).sort());
  const values = new Map(table('variable').map(([name, value]) => [code(name), code(value)]));
  expect(values.get('PLUGIN_MIN_PORT')).toBe(String(environment.DEFAULT_MIN_PORT));
  expect(values.get('PLUGIN_MAX_PORT')).toBe(String(environment.DEFAULT_MAX_PORT));
});

test.each(tableBelow(page, 'Versions'))(
  'a plugin of %s that is offered %s answers %s',
  (own, offer, answer) => {
    const mine = (own ?? '').split(', ').map(Number);
    const offered = offer === 'unset' ? undefined : code(offer);
    expect(negotiateVersion(mine, parseVersionList(offered).versions)).toBe(Number(answer));
  },
);

describe('handshake lines', () => {
  const shown = checked('handshake').flatMap(({ text, marks }) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => ({ line, marks })),
  );

  test.each(shown)('$line is one', ({ line, marks }) => {
    const parsed = parseHandshakeLine(line, { versions, multiplex: marks['multiplex'] === 'true' });
    // Five fields are taken; six are written.
    const six = line.split('|').length === 5 ? `${line}|` : line;
    expect(formatHandshakeLine(parsed)).toBe(`${six}\n`);
    expect(parsed.certificate !== '').toBe(marks['certificate'] !== undefined);
  });

  test('the certificate shown follows the recipe', () => {
    const { line = '' } = shown.find(({ marks }) => marks['certificate'] === 'P-521') ?? {};
    const certificate = new X509Certificate(decodeCertificateField(line.split('|')[5] ?? ''));
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('secp521r1');
    expect(certificate.subject).toBe('O=HashiCorp\nCN=localhost');
    expect(certificate.subjectAltName).toBe('DNS:localhost');
    expect(certificate.ca && certificate.verify(certificate.publicKey)).toBe(true);
    const hours = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 3_600_000;
    expect(read(page)).toContain(`for ${Math.floor(hours).toLocaleString('en-US')} hours`);
  });

  test.each(linesOf('refused').map((row) => row.split(/\s+(?=[A-Z_]+$)/)))(
    '%s is refused: %s',
    (line, why) => {
      expect(why).toMatch(/./);
      expect(() => parseHandshakeLine(line ?? '', { versions })).toThrow(
        expect.objectContaining({ code: why }),
      );
    },
  );
});

describe('services and messages', () => {
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(root, 'proto/src/gen/plugd.binpb')));
  const registry: FileRegistry = createFileRegistry(set);

  const streamed = (cell = '') => cell.startsWith('stream ');
  const kind = (request?: string, response?: string): DescMethod['methodKind'] => {
    if (streamed(request)) return streamed(response) ? 'bidi_streaming' : 'client_streaming';
    return streamed(response) ? 'server_streaming' : 'unary';
  };

  test.each(table('service'))('%s.%s takes %s and answers %s', (service, method, request, response) => {
    const found = registry.getService(code(service))?.methods.find(({ name }) => name === code(method));
    expect([found?.input.typeName, found?.output.typeName, found?.methodKind]).toEqual([
      code(request),
      code(response),
      kind(request, response),
    ]);
  });

  function typeOf(field: DescField): string {
    if (field.fieldKind === 'scalar') return ScalarType[field.scalar].toLowerCase();
    if (field.fieldKind === 'message') return field.message.typeName;
    return field.fieldKind === 'enum' ? field.enum.typeName : field.fieldKind;
  }
  const withNested = (message: DescMessage): DescMessage[] => [
    message,
    ...message.nestedMessages.flatMap(withNested),
  ];

  test('the table of messages has all fields of the package plugin', () => {
    const messages = [...registry.files]
      .filter(({ proto }) => proto.package === 'plugin')
      .flatMap((file) => file.messages.flatMap(withNested));
    const fields = messages.flatMap(({ typeName, fields: all }) =>
      all.map((field) => [typeName, String(field.number), field.name, typeOf(field)].join(' ')),
    );
    const told = tableBelow(page, 'Messages').map(([message, number, name, type = '']) =>
      [code(message), number, code(name), code(type) || type].join(' '),
    );
    expect(told.sort()).toEqual(fields.sort());
    expect(read(page)).toContain('`INVALID` 0, `STDOUT` 1, `STDERR` 2');
    expect(registry.getEnum('plugin.StdioData.Channel')?.values.map(({ name }) => name)).toEqual([
      'INVALID',
      'STDOUT',
      'STDERR',
    ]);
  });

  test.each(linesOf('messages').map((row) => row.split(/ {2,}/)))('%s is %s', (hex, json = '') => {
    const message = ConnInfo.fromPartial(JSON.parse(json));
    expect(ConnInfo.decode(bytes(hex))).toEqual(message);
    expect(Buffer.from(ConnInfo.encode(message).finish())).toEqual(bytes(hex));
  });
});

test.each(linesOf('lineage').map((row) => row.split(/: | {2,}/)))(
  '%s may be %s',
  (key, value = '', told = '') => {
    expect(key).toBe(LINEAGE_KEY);
    const lineage = Lineage.parse(value);
    expect(lineage?.toString()).toBe(value);
    const [, generation, plugin] =
      /generation (\d+) of (?:the plugin that the host calls )?(\w+)/.exec(told) ?? [];
    expect(lineage?.generationOf(plugin ?? '')).toBe(Number(generation));
  },
);

test.each(linesOf('log'))('%s is a record', (line) => {
  const told = JSON.parse(line);
  expect(new LogLineParser().parse(line)).toMatchObject({
    level: told['@level'],
    message: told['@message'],
    timestamp: told['@timestamp'],
  });
});

test.each(table('line begins with'))('text that begins with %s is %s', (start, told = '') => {
  // The table's cells are trimmed; what is between the marks is not.
  const parser = new LogLineParser();
  const [level, after] = told.split(', ');
  expect(parser.parse(`${code(start)}x`)).toMatchObject({ level, message: `${code(start)}x` });
  expect(parser.parse('more').level).toBe(after === undefined ? 'debug' : 'error');
});

describe('yamux', () => {
  test.each(linesOf('frames').map((row) => row.split(/ {4}/)))('%s is %s', (hex, told = '') => {
    const [, type = '', flags = '', stream, length] =
      /^(\w+) ([A-Z ]*)\s*stream=(\d+) length=(\d+)/.exec(told) ?? [];
    const headers: FrameHeader[] = [];
    const parser = new FrameParser({
      onHeader: (header) => void headers.push(header),
      onBody: () => {},
      onBodyEnd: () => {},
    });
    parser.push(bytes(hex));
    const named = Object.entries(Flag).filter(([name]) => flags.split(' ').includes(name));
    expect(headers).toEqual([
      {
        type: Object.entries(FrameType).find(([name]) => name === type)?.[1],
        flags: named.reduce((all, [, bit]) => all | bit, 0),
        streamId: Number(stream),
        length: Number(length),
      },
    ]);
  });

  test('the tables have all types and flags', () => {
    const types = Object.fromEntries(table('type').map(([value, name = '']) => [name, Number(value)]));
    expect(types).toEqual(FrameType);
    const flags = Object.fromEntries(table('flag').map(([name = '', value]) => [name, Number(value)]));
    expect(flags).toEqual(Flag);
    expect(read(page)).toContain(`${INITIAL_WINDOW_BYTES.toLocaleString('en-US')} bytes on a new stream`);
  });
});

test('every code that the page names exists', () => {
  for (const [, named = ''] of tableBelow(page, 'Errors')) expect(errorCodes).toHaveProperty(code(named));
});
