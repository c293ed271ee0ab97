import { PluginError } from '@plugd/protocol/plugin-error';
import { asPluginError, strategyError } from '../../../host/src/upgrade/as-plugin-error';

const own = { strategy: 'own', plugin: 'kv' };

test('what has a code keeps it, with all that it says', () => {
  const known = new PluginError('HANDOFF_FAILED', 'It did not pause.', { facts: { why: 'PAUSE_TIMEOUT' } });
  expect(asPluginError(known, 'nobody asks')).toBe(known);
  expect(strategyError(known, own)).toBe(known);
});

test('what has none gets one that blames nobody for something else', () => {
  const cause = new TypeError('it is undefined');
  expect(asPluginError(cause, 'The upgrade failed at prepare')).toMatchObject({
    code: 'STEP_FAILED',
    fault: 'host',
    summary: 'The upgrade failed at prepare: TypeError: it is undefined',
    cause,
  });
  expect(strategyError(cause, own)).toMatchObject({
    code: 'STRATEGY_FAILED',
    fault: 'caller',
    facts: { strategy: 'own' },
    cause,
  });
});

test.each([
  ['a text', 'the moon', 'the moon'],
  ['a text of a terminal', '\u001b[2J\nfull', '\\x1b[2J\\nfull'],
  ['a long text', 'x'.repeat(10_000), `${'x'.repeat(500)}… (10000 characters)`],
  ['nothing', undefined, 'undefined'],
  ['what has no text', Object.create(null), 'something without a text'],
])('%s is told on one line, and cut', (_, thrown, told) => {
  expect(strategyError(thrown, own).summary).toBe(`The strategy own of plugin kv threw: ${told}`);
  expect(asPluginError(thrown, 'it failed').summary).toBe(`it failed: ${told}`);
});
