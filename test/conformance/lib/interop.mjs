import path from 'node:path';
import { binaries } from './build.mjs';
import { programs } from './bundle.mjs';
import { runToEnd, withServer } from './child.mjs';

const LIMIT_MS = 20_000;

const CASES = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'status_code_and_message',
  'special_status_message',
  'unimplemented_method',
  'unimplemented_service',
  'cancel_after_begin',
  'cancel_after_first_response',
  'timeout_on_sleeping_server',
  'custom_metadata',
];

/** grpc-go's interop server, our client. */
export function runInteropClient() {
  return withServer(path.join(binaries, 'interopserver'), [], async (address) => {
    const program = path.join(programs, 'interop-client.js');
    const { stdout } = await runToEnd(process.execPath, [program, address], {
      limitMs: LIMIT_MS,
    });
    const outcomes = new Map(
      stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .map(({ name, problem }) => [name, problem ?? '']),
    );
    const failures = CASES.map((name) => [name, outcomes.get(name) ?? 'it did not run']).filter(
      ([, problem]) => problem !== '',
    );
    return { side: 'interop client', form: 'promise', total: CASES.length, failures: asFailures(failures) };
  });
}

/** A plugin of our SDK, grpc-go's interop client. */
export function runInteropServer() {
  const server = [path.join(programs, 'server.js'), 'sdk', 'line'];
  return withServer(process.execPath, server, async (address) => {
    const [host, port] = address.split(':');
    const failures = [];
    for (const name of CASES) {
      const args = [`-server_host=${host}`, `-server_port=${port}`, `-test_case=${name}`];
      const { code, stderr } = await runToEnd(path.join(binaries, 'client'), args, { limitMs: LIMIT_MS });
      if (code !== 0) failures.push([name, stderr.trim().slice(-400)]);
    }
    return { side: 'interop server', form: 'sdk', total: CASES.length, failures: asFailures(failures) };
  });
}

const asFailures = (list) => new Map(list.map(([name, problem]) => [name, [problem]]));
