import { diagnoseStart } from '../../../host/src/launch/diagnosis';
import { OutputTail } from '../../../host/src/launch/output-tail';
import { describeExit, Witness } from '../../../host/src/launch/witness';

function exited(exit: { code?: number; signal?: string }, stderr: string[] = []) {
  const tail = new OutputTail();
  for (const line of stderr) tail.add(line);
  const witness = new Witness({ about: { plugin: 'kv' }, stderr: tail });
  return diagnoseStart(
    { kind: 'exit', exit: { code: exit.code ?? null, signal: exit.signal ?? null, at: 0 } },
    'kv',
    { halfLine: false, looksLikeHandshake: false, head: '' },
    witness,
  );
}

test.each([
  [
    { code: 127 },
    ['kv: error while loading shared libraries: libfoo.so.1: cannot open shared object file'],
    /library/,
  ],
  [{ code: 1 }, ["Error: Cannot find module 'left-pad'"], /module/],
  [{ signal: 'SIGILL' }, [], /processor/],
  [{ signal: 'SIGKILL' }, [], /out-of-memory/],
  [{ code: 0 }, [], /is it a plugin at all/],
])('an exit that says more gets a hint of its own: %j', (exit, stderr, hint) => {
  const error = exited(exit, stderr);
  expect(error.code).toBe('EXITED_BEFORE_HANDSHAKE');
  expect(error.hint).toMatch(hint);
});

test('the refusal of a cookie needs both the text and exit code 1', () => {
  const text = ['This binary is a plugin. These are not meant to be executed directly.'];
  expect(exited({ code: 1 }, text).code).toBe('COOKIE_REJECTED');
  expect(exited({ code: 2 }, text).code).toBe('EXITED_BEFORE_HANDSHAKE');
  expect(exited({ code: 1 }).code).toBe('EXITED_BEFORE_HANDSHAKE');
});

test('what it printed is escaped in the facts', () => {
  expect(exited({ code: 3 }, ['\x1b[2J gone']).facts['stderr']).toEqual(['\\x1b[2J gone']);
});

test.each([
  [{ code: 3, signal: null }, 'exit code 3'],
  [{ code: null, signal: 'SIGSEGV' }, 'signal SIGSEGV'],
  [{ code: null, signal: null }, 'an exit that could not be observed'],
])('an exit in words: %j', (exit, words) => {
  expect(describeExit({ ...exit, at: 0 })).toBe(words);
});
