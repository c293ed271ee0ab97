import { PluginError } from '@plugd/protocol/plugin-error';
import fc from 'fast-check';
import { parseConfig } from '../../../host/src/config/parse-config';
import type { SourceProblem } from '../../../host/src/manifest/problem';
import { testProperty } from '../../support/property-test';

const whole = `version: 1
pluginsDir: plugins
frontDoor: { port: 7600 }
metrics: { port: 9464, address: 127.0.0.1 }
logs: { level: info, maxBytes: 10485760 }
plugins:
  kv:
    pin: 2.0.0
    env: { TOKEN: { file: secrets/token }, MODE: hush-hush }
    restart: { backoff: { initialMs: 1, maxMs: 10 } }
  log: { enabled: false, health: false }
`;

/** What a slip of the hand leaves, and what somebody might put there who means harm. */
const slip = fc.record({
  at: fc.nat(whole.length),
  remove: fc.nat(12),
  put: fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      '\n',
      '  ',
      ':',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '- ',
      '#',
      '&a ',
      '*a',
      '!!str ',
      '\t',
    ),
    fc.constantFrom(
      '__proto__',
      'null',
      '1e999',
      '.nan',
      '? ',
      '| ',
      '---\n',
      '\u0000',
      '\ud800',
      '\u202e',
      'x:',
    ),
    fc.string({ maxLength: 6 }),
  ),
});

testProperty(
  'a config with slips is taken, or refused with places that are in it',
  fc.property(fc.array(slip, { minLength: 1, maxLength: 4 }), (slips) => {
    const text = slips.reduce(
      (before, { at, remove, put }) => before.slice(0, at) + put + before.slice(at + remove),
      whole,
    );
    try {
      parseConfig(text, '/etc/plugd.yaml');
    } catch (error) {
      if (!(error instanceof PluginError) || error.code !== 'CONFIG_INVALID') throw error;
      const problems = error.facts['problems'] as readonly SourceProblem[];
      const lines = text.split('\n').length;
      expect(problems.length).toBeGreaterThan(0);
      for (const { line, column, message } of problems) {
        expect(line).toBeLessThanOrEqual(lines);
        expect(Math.min(line, column)).toBeGreaterThan(0);
        expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
      }
    }
  }),
  300,
);
