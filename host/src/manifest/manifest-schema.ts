import { z } from 'zod';
import type { Manifest } from './manifest';
import { expectSchema, healthSchema, limitsSchema, memorySchema, restartSchema } from './option-schemas';
import { platformNames } from './platform-name';
import { isPossible } from './ranges';
import {
  count,
  filePath,
  flag,
  message,
  methodPath,
  ms,
  name,
  serviceName,
  sha256,
  text,
  version,
} from './schema-parts';
import { statusNames } from './status-names';
import { blueGreenSchema, canarySchema, rollingSchema, shadowSchema } from './strategy-schemas';

const range = z
  .string()
  .max(256)
  .refine(isPossible, 'a range of versions that a version can be in, such as ^1.2.0 or ">=1 <3"');

const handshake = z
  .strictObject({
    cookie: z
      .tuple([z.string().regex(/^[^\0=]+$/, 'the name of a variable'), text().min(1)])
      .describe(
        'Name and value of the environment variable by which the plugin knows that a host started it.',
      ),
    protocolVersions: z
      .array(count(0))
      .min(1)
      .describe(
        "The versions of the application's protocol, of which the plugin picks the highest that it speaks.",
      ),
  })
  .describe('What the plugin was compiled with.');

const state = z
  .strictObject({
    schema: count(0, 2 ** 32 - 1).describe('The number of the schema that it writes.'),
    restores: z
      .array(count(0, 2 ** 32 - 1))
      .min(1)
      .exactOptional()
      .describe('The schemas that it reads.'),
    shareable: flag().describe('Two versions may serve at a time, each with its own state.'),
  })
  .describe('The state that it hands over in an upgrade, as it says of itself once it runs.');

const smokeCall = z
  .strictObject({
    method: methodPath().describe('The method, as package.Service/Method; unary.'),
    request: message().exactOptional().describe("The request, as protobuf's JSON."),
    answer: message().exactOptional().describe('What has to be in the answer; it may hold more.'),
    status: z.enum(statusNames).exactOptional().describe('The status that the call has to end with.'),
    timeoutMs: ms(1).exactOptional(),
  })
  .refine(({ answer, status = 'OK' }) => answer === undefined || status === 'OK', {
    path: ['answer'],
    error: 'left out where the status is not OK: such a call has no answer',
  });

/** What `plugin.yaml` may hold. Unknown keys are refused. */
export const manifestSchema = z
  .strictObject({
    name: name().describe(
      'What the plugin is called; the directory above that of the version has this name.',
    ),
    version: version().describe('The semantic version, which its directory is named after.'),
    command: z
      .union([filePath(), z.partialRecord(z.enum(platformNames), filePath())])
      .describe('The file that is run: one, or one for each platform.'),
    runtime: z
      .string()
      .regex(/^[^\0]+$/, 'the name of a program')
      .exactOptional()
      .describe('A program of the machine that runs the command, such as node; looked up in PATH.'),
    args: z.array(text()).exactOptional().describe('Arguments of the command.'),
    env: z
      .record(z.string().regex(/^[^\0=]+$/, 'the name of a variable'), text())
      .exactOptional()
      .describe('Variables for the plugin; they win over inherited ones.'),
    inheritEnv: flag().describe("Whether the plugin sees the host's own environment. Default true."),
    files: z
      .record(filePath(), sha256())
      .exactOptional()
      .describe(
        'SHA-256 of each file of the directory, this one aside. A file that it does not name is refused.',
      ),
    handshake,
    autoMtls: flag().describe('Both sides make a certificate for each process. Default true.'),
    multiplex: flag().describe('All connections of the plugin share one socket. Default false.'),
    contract: filePath()
      .exactOptional()
      .describe('A FileDescriptorSet, as `buf build -o x.binpb` writes it.'),
    services: z
      .array(serviceName())
      .exactOptional()
      .describe('Full names of the services that others than the application may call.'),
    requires: z
      .record(name(), range)
      .exactOptional()
      .describe('Ranges of versions of the plugins that it needs, by their names.'),
    state: state.exactOptional(),
    resources: z
      .record(z.string().min(1).max(64), z.enum(['shared', 'exclusive', 'per-generation', 'leased']))
      .exactOptional()
      .describe('What it holds beside memory, by name, as it says of itself once it runs.'),
    single: flag().describe('It can not run twice at a time: it is upgraded by recreate. Default false.'),
    strategy: z
      .enum(['overlap', 'handoff', 'recreate', 'canary', 'shadow', 'rolling', 'blue-green'])
      .exactOptional()
      .describe("How a new version takes the old one's place. Default: as the plugin says of itself."),
    canary: canarySchema.exactOptional(),
    shadow: shadowSchema.exactOptional(),
    rolling: rollingSchema.exactOptional(),
    blueGreen: blueGreenSchema.exactOptional(),
    shiftTimeoutMs: ms(1).exactOptional().describe('How long two versions may share the calls.'),
    contractPolicy: z
      .enum(['report', 'require'])
      .exactOptional()
      .describe('What becomes of a version whose contract can not be compared.'),
    bakeMs: ms().exactOptional().describe('How long a new version has to last before the old one is ended.'),
    keepWarmMs: ms()
      .exactOptional()
      .describe('How long the old version is kept for a rollback that takes no start.'),
    instances: count(1, 64).exactOptional().describe('How many equal processes answer calls. Default 1.'),
    restart: restartSchema.exactOptional(),
    attempts: count(1, 10).exactOptional().describe('How often a call may be begun in all.'),
    health: healthSchema.exactOptional(),
    limits: limitsSchema.exactOptional(),
    expect: expectSchema.exactOptional(),
    memory: memorySchema.exactOptional(),
    scratch: flag().describe('Each process gets an empty directory as PLUGD_SCRATCH_DIR. Default false.'),
    config: z
      .string()
      .regex(/^[^\0]+$/, 'the path of a directory')
      .exactOptional()
      .describe('A directory of configuration: of the artifact, or with an absolute path any.'),
    ports: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9_]{0,31}$/, 'at most 32 letters, digits and _, the first a letter'),
        count(0, 65_535),
      )
      .exactOptional()
      .describe('Ports that the plugin listens on by itself, by their names; 0: the host picks one.'),
    startTimeoutMs: ms(1)
      .exactOptional()
      .describe('From the start of a process to its first good health check.'),
    drainTimeoutMs: ms()
      .exactOptional()
      .describe('How long calls in flight may take to end before they are cut.'),
    stopTimeoutMs: ms(1)
      .exactOptional()
      .describe('How long the plugin may take to leave when it is asked to.'),
    smoke: z
      .array(smokeCall)
      .max(100)
      .exactOptional()
      .describe('Calls that show that a version works, made before any caller has it.'),
  })
  .meta({ title: 'plugin.yaml: one version of a plugin, as plugd runs it' });

/** Holds the schema to the type that everybody else sees. */
export const typed: z.ZodType<Manifest> = manifestSchema;
