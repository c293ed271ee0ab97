import { payloadOf } from '../../../sdk/src/cli/runtime/payload';
import {
  binaryMain,
  cachedScript,
  LINES_BEFORE,
  payload,
  plainScript,
  seamFor,
} from '../../../sdk/src/cli/script';
import { windowsLauncher } from '../../../sdk/src/cli/windows-launcher';

const map = '{}';
/** Code that ends comments in each way it can, and looks like the file around it. */
const code = 'first();\n/* a *//* b *~/ c */ const r = /a*/, t = `*/\nplugd-payload*/`;';

function cached(): { script: string; seam: string } {
  const own = payload(code);
  const seam = seamFor(own);
  return { script: cachedScript({ node: undefined, start: 'start;\n', payload: own, seam, map }), seam };
}

test('code that stands in a comment is got back as it was', () => {
  const { script, seam } = cached();
  expect(payloadOf(script, seam)).toBe(payload(code));
});

test('nothing in the code ends the comment around it', () => {
  const { script } = cached();
  const begin = script.indexOf('/*plugd');
  expect(script.indexOf('*/', begin)).toBe(script.lastIndexOf('plugd-payload*/') + 'plugd-payload'.length);
});

test('the code begins in the line that its source map is moved to', () => {
  const lineOf = (script: string): number => script.split('\n').indexOf('first();');
  expect(lineOf(plainScript(undefined, code, map))).toBe(LINES_BEFORE.plain);
  expect(lineOf(binaryMain(code))).toBe(LINES_BEFORE.plain);
  expect(lineOf(cached().script)).toBe(LINES_BEFORE.cached);
});

test('the first line names the Node that was asked for', () => {
  expect(plainScript('/opt/node', code, map)).toMatch(/^#!\/opt\/node\n/);
});

test('a launcher runs the file beside it and passes on arguments and exit code', () => {
  expect(windowsLauncher('/x/kv', undefined)).toBe(
    '@echo off\r\nnode "%~dp0kv" %*\r\nexit /b %ERRORLEVEL%\r\n',
  );
  expect(windowsLauncher('/x/100%', 'C:\\Node %1\\node.exe')).toContain(
    '"C:\\Node %%1\\node.exe" "%~dp0100%%" %*',
  );
});
