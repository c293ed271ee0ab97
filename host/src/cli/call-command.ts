import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Metadata } from '@grpc/grpc-js';
import type { DescribePluginResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { JsonValue } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type Command, InvalidArgumentError } from 'commander';
import type { AdminClient } from '../admin/admin-client';
import { Contract } from '../contract/contract';
import { readDescriptorSet } from '../contract/descriptor-bytes';
import { PLUGIN_KEY } from '../front-door/forwarded-metadata';
import { callMethod } from './call/call-method';
import { findMethod, serviceOf } from './call/find-method';
import { readRequests } from './call/requests';
import type { CliContext } from './context';
import { TimeoutError } from './exit-code';
import { asJson } from './output/json';
import { visible } from './output/visible';
import { asYaml } from './output/yaml';
import { refuseNames } from './stream-output';

interface CallOptions {
  readonly data?: string;
  readonly header?: readonly (readonly [key: string, value: string])[];
  readonly descriptors?: string;
  readonly verbose?: boolean;
}

export function defineCall(program: Command, context: CliContext): void {
  program
    .command('call')
    .summary('calls a method of a plugin, with JSON')
    .description('Calls a method of a plugin, with JSON.')
    .argument('<plugin>', 'its name')
    .argument('<method>', 'pkg.Service/Method, or as much of its end as one method alone has')
    .option(
      '-d, --data <json>',
      'the request: JSON, @file, or - for what is typed in; several for a method that takes a stream',
    )
    .option('-H, --header <key: value>', 'metadata to send along; may be given again', addHeader)
    .option(
      '--descriptors <file>',
      'a FileDescriptorSet to go by, in place of what the plugin tells of its services',
    )
    .option('-v, --verbose', 'writes the metadata of the answer to stderr')
    .addHelpText('after', help)
    .action((plugin: string, method: string, options: CallOptions) => {
      refuseNames(context, 'Answers');
      return runCall(context, plugin, method, options);
    });
}

const help = `
An answer is written as JSON; a stream of them as one JSON document in each line. --timeout is the deadline of the call.

Examples:
  plugd call kv samples.kv.v1.Kv/Put -d '{"key": "a", "value": "aGVsbG8="}'
  plugd call kv Load -d '{"key": "a"} {"key": "b"}'
  plugd call kv Chat -d - -H 'authorization: Bearer x'`;

async function runCall(
  context: CliContext,
  plugin: string,
  typed: string,
  { data, header = [], descriptors, verbose = false }: CallOptions,
): Promise<void> {
  const client = await context.client();
  const [daemon, described] = await Promise.all([
    client.getDaemon({}, context.callOptions),
    client.describePlugin({ plugin }, context.callOptions),
  ]);
  const told = await contractOf(context, client, plugin, descriptors);
  const contract = descriptors === undefined ? onlyServed(told, described) : told;
  const open = described.services.filter((service) => service.public).map(({ name }) => name);
  const closed = described.services.filter((service) => !service.public).map(({ name }) => name);
  const method = findMethod(plugin, contract, typed, { open, closed });
  expectPublic(plugin, serviceOf(method), described, open);
  if (daemon.frontDoor === '') {
    throw new PluginError(
      'FRONT_DOOR_CLOSED',
      'The daemon runs without a front door, by which calls come to plugins.',
    );
  }
  const metadata = new Metadata();
  for (const [key, value] of header)
    metadata.add(key, key.endsWith('-bin') ? Buffer.from(value, 'base64') : value);
  // Another plugin may have the same service.
  metadata.set(PLUGIN_KEY, plugin);
  const tell = (title: string) => (received: Metadata) => tellMetadata(context, title, received);
  const { signal } = context;
  const { timeoutMs } = context.options;
  const answers = callMethod({
    frontDoor: daemon.frontDoor,
    contract,
    method,
    requests: readRequests(data ?? '', { stdin: context.stdin, cwd: context.cwd }),
    metadata,
    timeoutMs,
    signal,
    ...(verbose ? { onHeader: tell('header'), onTrailer: tell('trailer') } : {}),
  });
  try {
    for await (const answer of answers) await context.write(written(context, answer, method.responseStream));
  } catch (error) {
    // Whoever leaves a stream without an end has seen what he wanted to see.
    if (signal.aborted) return;
    if (timeoutMs !== undefined && isLate(error)) throw new TimeoutError(error.summary, { cause: error });
    throw error;
  }
}

async function contractOf(
  { cwd, callOptions }: CliContext,
  client: AdminClient,
  plugin: string,
  file: string | undefined,
): Promise<Contract> {
  if (file === undefined) {
    const { descriptorSet } = await client.getContract({ plugin }, callOptions);
    return contractIn(descriptorSet);
  }
  const path = resolve(cwd, file);
  try {
    return contractIn(await readFile(path));
  } catch (cause) {
    throw new PluginError('DESCRIPTORS_INVALID', `The descriptors in ${path} can not be read.`, {
      facts: { path },
      cause,
    });
  }
}

/** Files of descriptors tell of services too that this plugin does not have. */
function onlyServed(contract: Contract, { services }: DescribePluginResponse): Contract {
  const served = new Set(services.map(({ name }) => name));
  return new Contract({
    services: contract.services.filter(({ name }) => served.has(name)),
    messages: contract.messages,
    files: contract.files,
  });
}

function contractIn(bytes: Uint8Array): Contract {
  const files = readDescriptorSet(bytes);
  return new Contract({
    services: files.flatMap(({ services }) => services),
    messages: files.flatMap(({ messages }) => messages),
    files,
  });
}

function expectPublic(
  plugin: string,
  service: string,
  { services }: DescribePluginResponse,
  open: readonly string[],
): void {
  const row = services.find(({ name }) => name === service);
  // What the daemon doesn't know of, the front door will tell.
  if (row === undefined || row.public) return;
  throw new PluginError('SERVICE_PRIVATE', `The service ${service} of plugin ${plugin} is private.`, {
    facts: { plugin, service, public: open },
  });
}

function isLate(error: unknown): error is PluginError {
  return error instanceof PluginError && error.facts['status'] === 'DEADLINE_EXCEEDED';
}

function written({ output }: CliContext, answer: JsonValue, stream: boolean): string {
  if (output === 'yaml') return `${stream ? '---\n' : ''}${asYaml(answer)}`;
  return asJson(answer, stream ? 0 : 2);
}

function tellMetadata({ stderr }: CliContext, title: string, metadata: Metadata): void {
  for (const key of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(key)) {
      const text = typeof value === 'string' ? value : value.toString('base64');
      stderr.write(`${title} ${visible(key)}: ${visible(text)}\n`);
    }
  }
}

function addHeader(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const [, key, value = ''] = /^([0-9A-Za-z_.-]+)\s*:\s*(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError('It is of the form "key: value".');
  if (/^(grpc-|:)/i.test(key)) throw new InvalidArgumentError('Keys that begin with grpc- are gRPC’s own.');
  const isBinary = /-bin$/i.test(key);
  if (isBinary && !isBase64(value))
    throw new InvalidArgumentError('The value of a key that ends with -bin is written in base64.');
  if (!isBinary && !/^[\x20-\x7e]*$/.test(value))
    throw new InvalidArgumentError(
      'Its value has other characters than ASCII; those go into a key that ends with -bin, in base64.',
    );
  return [...before, [key.toLowerCase(), value]];
}

/** In either alphabet, with or without what fills up its end. */
function isBase64(text: string): boolean {
  return /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/.test(text);
}
