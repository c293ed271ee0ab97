import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createHost, type Host } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { type Block, blocks, documents } from './markdown';
import { surroundings } from './surroundings';
import { type Outcome, Workshop } from './workshop';

// What the documents show is what readers copy: each block is compiled by the strict settings of the project and run.

const all = documents().flatMap(blocks);
const typescript = all.filter(({ language }) => language === 'ts');
const shell = all.filter(({ language }) => language === 'sh');

/** Name of an example's file, without its end: what its mark says, or one made from its place. */
const names = new Map(typescript.map((one) => [one, nameOf(one)]));

function nameOf({ marks, place }: Block): string {
  return marks['file'] === undefined
    ? place.replace(/^.*\//, '').replace(/\W/g, '-')
    : basename(marks['file'], '.ts');
}

const byPlace = (list: readonly Block[]): [string, Block][] => list.map((one) => [one.place, one]);

let workshop: Workshop;
/** Begun before all else: the compiler works while the examples, which wait more than they compute, are run. */
let typeErrors: Promise<string> | undefined;
let host: Host | undefined;

beforeAll(async () => {
  workshop = new Workshop();
  for (const [example, name] of names) {
    const surround = surroundings[example.marks['run'] ?? ''];
    // Without one, its own test says so.
    if (surround !== undefined) workshop.write(`${name}.ts`, surround(example));
  }
  typeErrors = workshop.typeErrors();
  await workshop.bundle([...names].flatMap(([one, name]) => (hasSurrounding(one) ? [name] : [])));
}, 20_000);

afterAll(async () => {
  await host?.close();
  await typeErrors;
  workshop.dispose();
});

function hasSurrounding({ marks }: Block): boolean {
  return marks['run'] !== undefined && Object.hasOwn(surroundings, marks['run']);
}

test('there are examples, and no two share a file', () => {
  expect(typescript.length).toBeGreaterThan(10);
  expect(new Set(names.values()).size).toBe(typescript.length);
});

test.each(byPlace(all))('%s says what it is', (_place, block) => {
  const known: Record<string, boolean> = {
    ts: hasSurrounding(block),
    sh: ['workshop', 'scripts'].includes(block.marks['run'] ?? ''),
    // Shown from a file of the tree: protocol-plugins.test.ts holds them equal, and runs it.
    python: block.marks['file'] !== undefined,
    // test/unit/docs reads it as what its mark says.
    yaml: ['manifest', 'config'].includes(block.marks['check'] ?? '') || block.marks['of'] === 'prometheus',
    json: block.marks['check'] === 'record',
    // Its names are held against the table of metrics.
    promql: true,
    // Typed into a shell by first-day.test.ts.
    console: block.marks['transcript'] !== undefined,
    // So are the verbs and flags of these read.
    ini: block.marks['check'] === 'unit',
    dockerfile: block.marks['check'] === 'container',
    proto: true,
    // With a mark `check`, protocol-facts.test.ts reads it.
    text: true,
  };
  expect(known).toHaveProperty(block.language, true);
});

/** What an example says in comments that it prints: `// → text`. */
function promised(example: Block): string[] {
  return [...example.text.matchAll(/\/\/ → (.*)$/gm)].map(([, text = '']) => text.trim());
}

function check({ code, stdout, stderr }: Outcome, example: Block): void {
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  let rest = stdout;
  for (const text of promised(example)) {
    expect(rest).toContain(text);
    rest = rest.slice(rest.indexOf(text) + text.length);
  }
}

/** The sample in Go has no feed, and logs in words of its own. */
const ofTypeScript = /FeedDefinition|the store is closed/;

// None knows of another: some run at once.
const programs = typescript.filter(
  ({ marks }) => !['plugin', 'bare', 'automtls'].includes(marks['run'] ?? ''),
);
test.concurrent.each(byPlace(programs))(
  '%s runs, and prints what it says',
  async (_place, example) => {
    const program = join(workshop.path, `${names.get(example)}.js`);
    const cwd = ofTypeScript.test(example.text) ? workshop.inTypeScript : workshop.path;
    check(await workshop.run(process.execPath, [program], { cwd }), example);
  },
  30_000,
);

const plugins = typescript.filter(({ marks }) => marks['run'] === 'plugin');
test.each(byPlace(plugins))(
  '%s is a plugin that answers',
  async (_place, example) => {
    host ??= await createHost();
    const plugin = await host.load({
      name: names.get(example) ?? '',
      version: example.marks['version'] ?? '1.0.0',
      command: process.execPath,
      args: [`${names.get(example)}.js`],
      cwd: workshop.path,
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
      contract: [KvDefinition],
    });
    const client = plugin.client(KvDefinition);
    await client.put({ key: 'a', value: Buffer.from('1') });
    expect(await client.get({ key: 'a' })).toMatchObject({ found: true, value: Buffer.from('1') });
    await plugin.stop();
  },
  30_000,
);

const commands = shell.filter(({ marks }) => marks['run'] === 'workshop');
test.concurrent.each(byPlace(commands))(
  '%s can be typed as it stands',
  async (_place, block) => {
    const { code, stdout, stderr } = await workshop.run('/bin/sh', ['-e', '-c', block.text]);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
  },
  30_000,
);

test('all examples together are type-correct', async () => {
  expect(await typeErrors).toBe('');
}, 30_000);

test.each(byPlace(all.filter(({ language }) => language === 'proto')))(
  '%s is a contract',
  (_place, { text }) => {
    const directory = mkdtempSync(join(tmpdir(), 'contract-'));
    try {
      const proto = resolve(__dirname, '../../proto');
      cpSync(join(proto, 'plugd/options.proto'), join(directory, 'plugd/options.proto'));
      writeFileSync(join(directory, 'example.proto'), text);
      const buf = resolve(__dirname, '../../node_modules/@bufbuild/buf/bin/buf');
      execFileSync(process.execPath, [buf, 'build', directory], { stdio: 'pipe' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
