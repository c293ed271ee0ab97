import { z } from 'zod';
import { manifestSchema } from '../manifest/manifest-schema';
import { count, flag, ms, name, text, version } from '../manifest/schema-parts';
import { type DaemonConfig, overridingKeys } from './config';

const path = () => z.string().regex(/^[^\0]+$/, 'a path');
const port = () => count(0, 65_535);

/** One of two ways to say where something listens. */
const onSocket = z.strictObject({ socket: path().describe('The path of a unix socket.') });

const frontDoor = z
  .union([
    z.literal(false),
    onSocket,
    z.strictObject({ port: port().describe('A port of 127.0.0.1; 0: a free one.') }),
  ])
  .describe('Where clients of any language call the public services of plugins; false: nowhere.');

const metrics = z
  .union([
    z.literal(false),
    onSocket,
    z.strictObject({
      port: port().describe('A port; 0: a free one.'),
      address: z.union([z.ipv4(), z.ipv6()]).exactOptional().describe('Default 127.0.0.1.'),
    }),
  ])
  .describe('Where Prometheus reads metrics. Default: nowhere.');

const env = z
  .record(
    z.string().regex(/^[^\0=]+$/, 'the name of a variable'),
    z.union([
      text(),
      z.strictObject({ file: path().describe('A file with the value, which nobody else may read.') }),
    ]),
  )
  .describe('Variables besides those of the manifest. Secrets stand in files of their own.');

type OverridingKey = (typeof overridingKeys)[number];

/** The manifest's own entries: what it allows there is allowed here. */
const overrides = manifestSchema.pick(
  Object.fromEntries(overridingKeys.map((key) => [key, true])) as Record<OverridingKey, true>,
).shape;

const plugin = z
  .strictObject({
    pin: version().exactOptional().describe('The version that it is held at.'),
    enabled: flag().describe('False: it is not run. Default true.'),
    env: env.exactOptional(),
    ...overrides,
    config: path()
      .exactOptional()
      .describe('A directory of configuration, in the place of the one that its manifest names.'),
  })
  .describe('What is to be different from the manifest.');

/** What `plugd.yaml` may hold. Unknown keys are refused. */
export const configSchema = z
  .strictObject({
    version: z.literal(1).describe("Of this file's form: 1."),
    pluginsDir: z
      .union([z.literal(false), path()])
      .exactOptional()
      .describe('The directory of plugins that is watched; false: none. Default: plugins.'),
    watch: z
      .strictObject({
        rescanMs: ms(10)
          .exactOptional()
          .describe('How often all of it is looked through by its content. Default 30000.'),
        quietMs: ms()
          .exactOptional()
          .describe('How long nothing of a version may have changed before it is used. Default 300.'),
      })
      .exactOptional()
      .describe('How the directory of plugins is watched.'),
    socket: path()
      .exactOptional()
      .describe('The unix socket of the admin API. Default: plugd.sock in XDG_RUNTIME_DIR.'),
    stateDir: path()
      .exactOptional()
      .describe('What outlives the daemon is kept there. Default: plugd in XDG_STATE_HOME.'),
    frontDoor: frontDoor.exactOptional(),
    metrics: metrics.exactOptional(),
    logs: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error'])
          .exactOptional()
          .describe('The lowest that is kept. Default info.'),
        directory: path().exactOptional().describe('Default: logs in the state directory.'),
        maxBytes: count(4_096).exactOptional().describe('Of one file. Default 10485760.'),
        maxFiles: count(1, 1_000).exactOptional().describe('How many files are kept. Default 5.'),
      })
      .exactOptional()
      .describe('What the daemon and its plugins log.'),
    memoryBudgetBytes: count(1)
      .exactOptional()
      .describe('The most memory of all plugins when a second version of one is to run beside the first.'),
    plugins: z
      .record(name(), plugin)
      .exactOptional()
      .describe('By the names of plugins, what is to be different from their manifests.'),
  })
  .meta({ title: 'plugd.yaml: how a plugd daemon runs' });

/** Holds the schema to the type that everybody else sees. */
export const typed: z.ZodType<DaemonConfig> = configSchema;
