import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorCodes } from '@plugd/protocol/error-codes';
import { rules } from '../../host/src/conform/conform';
import { resolveLimits } from '../../host/src/instance/limit-options';
import { resolveSpec } from '../../host/src/instance/plugin-spec';
import { transitions } from '../../host/src/instance/transitions';
import { resolveServeOptions } from '../../sdk/src/serve-options';
import { blocks, documents, read, root, tableBelow } from './markdown';

// What the documents say of names, defaults and places is held against the code.

const code = (cell = '') => /^`([^`]*)`/.exec(cell)?.[1];

/** Every property of an interface, in its order. */
function propertiesOf(file: string, name: string): string[] {
  const source = readFileSync(join(root, file), 'utf8');
  const body = new RegExp(`interface ${name} [^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, property = '']) => property);
}

test('docs/errors.md has a section for each code, in the order of the table, with its fault', () => {
  const sections = read('docs/errors.md').split(/^### /m).slice(1);
  expect(sections.map((text) => text.split('\n', 1)[0])).toEqual(Object.keys(errorCodes));
  for (const [index, [name, { fault }]] of Object.entries(errorCodes).entries()) {
    const [section = ''] = (sections[index] ?? '').split(/^## /m);
    expect(`${name}: ${/^Fault: (\w+)\./m.exec(section)?.[1]}`).toBe(`${name}: ${fault}`);
    expect(section).toMatch(/^What to do: \S/m);
  }
});

describe('docs/hosts.md', () => {
  const rows = tableBelow('docs/hosts.md', 'Options of `load`');

  test('lists every option of load', () => {
    expect(rows.map(([option]) => code(option))).toEqual(
      propertiesOf('host/src/instance/load-options.ts', 'LoadOptions'),
    );
  });

  test('gives the defaults that the host fills in', () => {
    const spec = resolveSpec({
      name: 'kv',
      version: '1.0.0',
      command: 'kv',
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
    });
    const defaults = new Map(rows.map(([option, value]) => [code(option), code(value)]));
    for (const option of [
      'inheritEnv',
      'stdin',
      'autoMtls',
      'startTimeoutMs',
      'drainTimeoutMs',
      'stopTimeoutMs',
    ] as const) {
      expect(`${option}: ${defaults.get(option)}`).toBe(`${option}: ${spec[option]}`);
    }
  });
});

test('docs/upgrades.md names every field of a report', () => {
  const text = read('docs/upgrades.md');
  for (const field of propertiesOf('host/src/upgrade/report.ts', 'UpgradeReport')) {
    expect(text).toMatch(new RegExp(`\`${field}[\`.]`));
  }
});

describe('docs/supervision.md', () => {
  /** The options of a group with their defaults, by their full names. */
  function flat(name: string, value: unknown): [string, unknown][] {
    if (!(value instanceof Object)) return [[name, value ?? 'none']];
    return Object.entries(value).flatMap(([key, inner]) => flat(`${name}.${key}`, inner));
  }

  test('lists every option of supervision with the default that the host fills in', () => {
    const spec = resolveSpec({
      name: 'kv',
      version: '1.0.0',
      command: 'kv',
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
    });
    const limits = { ...resolveLimits({ ageMs: 1 }), ageMs: undefined };
    const groups = { restart: spec.restart, attempts: spec.attempts, health: spec.health, limits };
    const filled = Object.entries(groups).flatMap(([name, value]) => flat(name, value));
    const told = ['Restarts', 'Health', 'Limits'].flatMap((heading) =>
      tableBelow('docs/supervision.md', heading).map(([option, standard]) => [
        code(option),
        code(standard) ?? standard,
      ]),
    );
    expect(told).toEqual(filled.map(([name, standard]) => [name, String(standard)]));
  });

  test('names every figure of a snapshot', () => {
    const text = read('docs/supervision.md');
    const figures = [
      ['calls', 'host/src/routing/endpoint.ts', 'CallStatistics'],
      ['held', 'host/src/routing/swap-channel.ts', 'HoldStatistics'],
      ['restarts', 'host/src/supervision/restart-counters.ts', 'RestartStatistics'],
    ] as const;
    for (const [group, file, name] of figures) {
      const properties = propertiesOf(file, name);
      expect(properties.length).toBeGreaterThan(3);
      for (const property of properties) expect(text).toContain(`\`${group}.${property}\``);
    }
  });
});

describe('docs/plugins.md', () => {
  test('lists the options of serve with their defaults', () => {
    const rows = tableBelow('docs/plugins.md', 'Draining and leaving');
    const resolved = resolveServeOptions({}, 'linux');
    expect(rows.map(([option]) => code(option)).sort()).toEqual(Object.keys(resolved).sort());
    for (const [option, value] of rows) {
      const standard = Object.entries(resolved).find(([name]) => name === code(option))?.[1];
      expect(`${code(option)}: ${code(value) ?? value}`).toBe(`${code(option)}: ${standard ?? 'none'}`);
    }
  });

  test('names every field of a call and of a definition', () => {
    const text = read('docs/plugins.md');
    for (const field of propertiesOf('proto/src/rpc/service-call.ts', 'ServiceCall')) {
      expect(text).toContain(`\`call.${field}`);
    }
    for (const field of propertiesOf('sdk/src/plugin.ts', 'PluginDefinition')) {
      expect(text).toMatch(new RegExp(`^\\| \`${field}`, 'm'));
    }
  });
});

test('docs/architecture.md has the table of an instance’s states', () => {
  const rows = tableBelow('docs/architecture.md', 'The life of an instance');
  const told = Object.fromEntries(
    rows.map(([state, , next = '']) => [code(state), [...next.matchAll(/`(\w+)`/g)].map(([, to]) => to)]),
  );
  expect(told).toEqual(transitions);
});

test('docs/conform.md lists every rule, in order, in its words', () => {
  const told = tableBelow('docs/conform.md', 'Rules').map(([id, ...rest]) => [code(id), ...rest]);
  expect(told).toEqual(rules.map(({ id, section, rule, expected }) => [id, section, rule, expected]));
});

/** As GitHub makes the anchor of a heading. */
function anchors(document: string): string[] {
  const text = read(document).replace(/^```[\s\S]*?^```/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(documents())('every link of %s leads somewhere', (document) => {
  const dead: string[] = [];
  for (const [, target = ''] of read(document).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [path = '', anchor] = target.split('#', 2);
    const file = path === '' ? document : join(dirname(document), path);
    const there = existsSync(join(root, file)) && (anchor === undefined || anchors(file).includes(anchor));
    if (!there) dead.push(target);
  }
  expect(dead).toEqual([]);
});

test.each(documents())('every file and npm script that %s names in passing is there', (document) => {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const scripts: unknown = manifest instanceof Object ? Reflect.get(manifest, 'scripts') : undefined;
  const known = Object.keys(scripts ?? {});
  const text = read(document);
  const shell = blocks(document).flatMap((block) => (block.language === 'sh' ? [block.text] : []));
  const named = [...shell, ...[...text.matchAll(/`(npm [^`]*)`/g)].map(([, command = '']) => command)];
  for (const [, run, short] of named.join('\n').matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)) {
    expect(known).toContain(run ?? short);
  }
  const missing = [...text.matchAll(/`((?:host|sdk|proto|test|scripts|plugins|bench|docs)\/[\w./-]+)`/g)]
    .map(([, path = '']) => path)
    .filter((path) => !existsSync(join(root, path)));
  expect(missing).toEqual([]);
});
