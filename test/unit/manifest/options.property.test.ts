import { PluginError } from '@plugd/protocol/plugin-error';
import fc from 'fast-check';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { resolveSpec } from '../../../host/src/instance/plugin-spec';
import { manifestKeys } from '../../../host/src/manifest/json-schema';
import { type KeySchema, keysAt } from '../../../host/src/manifest/known-keys';
import { parseManifest } from '../../../host/src/manifest/parse-manifest';
import { checkShadowOptions } from '../../../host/src/shadow/shadow-options';
import { blueGreenStrategy } from '../../../host/src/strategies/blue-green';
import { canaryStrategy } from '../../../host/src/strategies/canary';
import { resolveRolling } from '../../../host/src/strategies/rolling';

// The schema says the same as the checks of `load` and `upgrade`: what one takes the other takes, and what one refuses so does
// the other. JSON is YAML, so that values need no writer of their own.

const base = {
  name: 'kv',
  version: '1.0.0',
  command: 'kv',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
};
const load = base as unknown as LoadOptions;

function refused(check: () => unknown): boolean {
  try {
    check();
    return false;
  } catch (error) {
    if (error instanceof PluginError) return true;
    throw error;
  }
}

/** Each group with the check that an application's options meet. */
const checks: Readonly<Record<string, (value: never) => unknown>> = {
  restart: (restart) => resolveSpec({ ...load, restart }),
  health: (health) => resolveSpec({ ...load, health }),
  limits: (limits) => resolveSpec({ ...load, limits }),
  expect: (expectations) => resolveSpec({ ...load, expect: expectations }),
  memory: (memory) => resolveSpec({ ...load, memory }),
  ports: (ports) => resolveSpec({ ...load, ports }),
  instances: (instances) => resolveSpec({ ...load, instances }),
  attempts: (attempts) => resolveSpec({ ...load, attempts }),
  startTimeoutMs: (startTimeoutMs) => resolveSpec({ ...load, startTimeoutMs }),
  drainTimeoutMs: (drainTimeoutMs) => resolveSpec({ ...load, drainTimeoutMs }),
  stopTimeoutMs: (stopTimeoutMs) => resolveSpec({ ...load, stopTimeoutMs }),
  canary: (options) => canaryStrategy(options),
  rolling: (options) => resolveRolling(options),
  blueGreen: (options) => blueGreenStrategy(options),
  shadow: (options) => checkShadowOptions(options),
};

const scalar = fc.constantFrom<unknown>(
  ...[-1, 0, 1e-10, 0.05, 0.5, 1, 1.5, 2, 9, 10, 64, 65, 100, 101, 1_000, 1_001, 65_535, 65_536],
  ...[2 ** 26, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 1e300, '', 'x', 'a.b', '/a.B/C', 'Upper', true, false],
);

/** A value for a schema: of its kind as a rule, of another one at times. Only keys that it knows. */
function ofSchema(schema: KeySchema): fc.Arbitrary<unknown> {
  const kinds = [schema, ...(schema.anyOf ?? [])].flatMap((one) => {
    const { enum: choices, const: only } = one as { enum?: unknown[]; const?: unknown };
    const maps = Object.keys(one.properties ?? {}).length > 0 || typeof one.additionalProperties === 'object';
    return [
      ...(choices === undefined ? [] : [fc.constantFrom(...choices)]),
      ...(only === undefined ? [] : [fc.constant(only)]),
      ...(maps ? [mapOf(one)] : []),
      ...(one.items === undefined || Array.isArray(one.items)
        ? []
        : [fc.array(ofSchema(one.items as KeySchema), { maxLength: 3 })]),
    ];
  });
  if (kinds.length === 0) return scalar;
  return fc.oneof({ weight: 9, arbitrary: fc.oneof(...kinds) }, { weight: 1, arbitrary: scalar });
}

function mapOf(schema: KeySchema): fc.Arbitrary<unknown> {
  const { properties = {} } = schema;
  const required = (schema as { required?: string[] }).required ?? [];
  if (Object.keys(properties).length > 0) {
    // Few at a time: of many random ones hardly any is taken.
    return fc
      .subarray(Object.keys(properties), { maxLength: Math.min(3, Object.keys(properties).length) })
      .chain((some) =>
        fc.record(
          Object.fromEntries(
            Object.entries(properties).flatMap(([key, one]) =>
              some.includes(key) || required.includes(key) ? [[key, ofSchema(one)]] : [],
            ),
          ),
        ),
      );
  }
  const others = schema.additionalProperties;
  const keys = keysAt(schema, []);
  const key =
    keys.length > 0 ? fc.constantFrom(...keys) : fc.constantFrom('http', 'HTTP', 'a b', '0x', 'x_1');
  return fc.dictionary(key, typeof others === 'object' ? ofSchema(others) : scalar, { maxKeys: 3 });
}

/** 'none' is what a file says for Infinity. */
const asOptions = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, one) => (one === 'none' ? Number.POSITIVE_INFINITY : one));

test.each(Object.keys(checks))(
  'of %s the schema takes what the host takes, and refuses what it refuses',
  (group) => {
    const schema = manifestKeys().properties?.[group] ?? {};
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(ofSchema(schema), (value) => {
        const options = asOptions(value);
        const byHost = refused(() => checks[group]?.(options as never));
        const byFile = refused(() => parseManifest(JSON.stringify({ ...base, [group]: value }), 'x'));
        seen[byHost ? 'refused' : 'taken']++;
        expect(`refused: ${byFile}`).toBe(`refused: ${byHost}`);
      }),
      { numRuns: 300 },
    );
    // Else it would have compared nothing.
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(0);
  },
);

test('whatever a file holds is taken or refused in order', () => {
  const words = fc.constantFrom(
    ...[
      'name',
      'kv',
      'version',
      '1.0.0',
      'command',
      ':',
      ': ',
      '- ',
      '\n',
      '\n  ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
    ],
    ...[
      "'",
      '|',
      '>',
      '#',
      '&a',
      '*a',
      '!t',
      '%',
      '---',
      '?',
      '@',
      '`',
      '\t',
      '\u0000',
      '\u001b',
      '\ufeff',
      '~',
      '<<',
    ],
    ...['handshake', 'cookie', '__proto__', '1e999', '0x1', '.inf', 'null', 'é', '\ud83d\ude00', '\\', '\\x'],
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 60 }), fc.boolean(), (parts, whole) => {
      const text = `${whole ? `${JSON.stringify(base).slice(0, -1)},` : ''}${parts.join('')}`;
      try {
        parseManifest(text, 'x');
      } catch (error) {
        if (!(error instanceof PluginError)) throw error;
        expect(error.code).toBe('MANIFEST_INVALID');
        expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        for (const { line, column } of error.facts['problems'] as { line: number; column: number }[])
          expect(Math.min(line, column)).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1_000 },
  );
});
