import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { type KvServer, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';

/** A grpc-js server in a process of its own, which answers each Get with its key. */
export interface EchoServer {
  readonly target: string;
  stop(): Promise<void>;
}

export async function startEchoServer(): Promise<EchoServer> {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-bench-'));
  const target = `unix:${join(directory, 'echo')}`;
  const child = fork(process.argv[1] ?? '', ['--echo-server', target], { execArgv: [] });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (message !== 'listening') {
    await stop();
    throw new Error('The echo server did not start');
  }
  return { target, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}

/** The server's side: runs until its parent ends it or is gone. */
export async function serveEcho(target: string): Promise<void> {
  const value = Buffer.alloc(100, 'v');
  const implementation: Pick<KvServer, 'get'> = {
    get: (call, callback) =>
      callback(null, { found: true, value, servedBy: call.request.key, pid: process.pid }),
  };
  const server = new Server();
  server.addService({ get: KvService.get }, implementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  process.once('disconnect', () => process.exit());
  process.send?.('listening');
}
