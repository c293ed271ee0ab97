// Versions of the counter that a host must not let in: `contract` has lost a method and changed a type, `state` does not
// read what the versions before it wrote.
import '@plugd/sdk/guard';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { definePlugin, serve } from '@plugd/sdk';

const [what] = process.argv.slice(2);

function descriptors() {
  const file = createRequire(import.meta.url).resolve('@plugd/protocol/gen/samples.binpb');
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(file));
  if (what === 'contract') {
    const counter = set.file.find(({ name }) => name === 'samples/counter/v1/counter.proto');
    const [service] = counter.service.filter(({ name }) => name === 'Counter');
    service.method = service.method.filter(({ name }) => name !== 'Open');
    const put = counter.messageType.find(({ name }) => name === 'PutRequest');
    put.field.find(({ name }) => name === 'value').type = Type.STRING;
  }
  return toBinary(FileDescriptorSetSchema, set);
}

const plugin = definePlugin({
  name: 'counter',
  version: '3.0.0',
  handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  descriptors: descriptors(),
  state: {
    schema: 3,
    initial: () => ({}),
    // Of the schemas 1 and 2, in which the counter has written so far, `state` knows nothing.
    migrate: what === 'state' ? {} : { 1: (numbers) => numbers, 2: (numbers) => numbers },
  },
  setup(ctx) {
    ctx.service(CounterDefinition, {
      put: () => ({ value: 0 }),
      get: () => ({ found: false }),
      open: () => ({ session: 0 }),
    });
  },
});

void serve(plugin);
