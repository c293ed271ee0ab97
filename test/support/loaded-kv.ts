import { join } from 'node:path';
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';

/** The sample's client class, as `@grpc/proto-loader` makes it. */
export async function loadedKvClient(): Promise<ServiceClientConstructor> {
  const definition = await protoLoader.load('samples/kv/v1/kv.proto', {
    includeDirs: [join(__dirname, '../../proto')],
    keepCase: false,
  });
  const found = at(loadPackageDefinition(definition), ['samples', 'kv', 'v1', 'Kv']);
  if (!isClientConstructor(found)) throw new Error('the contract has no service Kv');
  return found;
}

function at(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (here, name) => (here instanceof Object ? Reflect.get(here, name) : undefined),
    root,
  );
}

function isClientConstructor(value: unknown): value is ServiceClientConstructor {
  return typeof value === 'function' && 'serviceName' in value;
}
