import type { AdminDefinition, OperationRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import type { AdminBackend } from './admin-backend';
import { answering } from './answers';
import type { KeptOperation } from './operations-book';
import { RecordedChanges } from './recorded-changes';
import { operationRow } from './rows';
import { asStruct } from './struct';
import { watchOperation } from './watch-operation';
import { rollbackOptionsFrom } from './wire-options';

type AdminHandlers = ServiceImplementation<AdminDefinition>;

/** The admin API in front of a daemon: what is refused travels as a whole, and what is changed is written down. */
export function adminService(backend: AdminBackend): AdminHandlers {
  const handlers = {
    ...questions(backend),
    ...streams(backend),
    ...changes(backend),
    ...operations(backend),
  };
  return answering(handlers, backend.redaction);
}

function questions(backend: AdminBackend) {
  return {
    getDaemon: () => backend.about(),
    listPlugins: async () => ({ plugins: await backend.list() }),
    describePlugin: ({ plugin, brief }) => backend.describe(plugin, brief),
    getContract: async ({ plugin }) => ({ descriptorSet: Buffer.from(await backend.contract(plugin)) }),
    planRollback: async ({ plugin, options }) => ({
      plan: asStruct(await backend.planRollback(plugin, rollbackOptionsFrom(options))),
    }),
    diff: async () => ({ changes: await backend.diff() }),
  } satisfies Partial<AdminHandlers>;
}

function streams(backend: AdminBackend) {
  return {
    watchEvents: async function* ({ plugin, afterSequence, since, follow }, call) {
      const query = { plugin: plugin || undefined, afterSequence, sinceMs: since, follow };
      for await (const { event, dropped } of backend.events.read(query, ending(call)))
        yield { event: asStruct(event), dropped };
    },
    readLogs: (query, call) => backend.logs(query, ending(call)),
    watchOperation: ({ id }, call) => {
      const operation = backend.operations.get(id);
      return watchOperation(operation, () => backend.traffic(operation), ending(call));
    },
  } satisfies Partial<AdminHandlers>;
}

function changes(backend: AdminBackend) {
  const recorded = new RecordedChanges((record) => backend.audit(record));
  return {
    loadPlugin: (request, call) => {
      const { options = {}, services } = request;
      const named = typeof options['name'] === 'string' ? { plugin: options['name'] } : {};
      const asked = { verb: 'load', ...named, parameters: { options, services } };
      return recorded.make(call, asked, () => backend.load(request));
    },
    stopPlugin: ({ plugin }, call) =>
      recorded.make(call, { verb: 'stop', plugin }, () => empty(backend.stop(plugin))),
    startPlugin: ({ plugin }, call) =>
      recorded.make(call, { verb: 'start', plugin }, () => empty(backend.start(plugin))),
    pinPlugin: ({ plugin, version }, call) => {
      const asked = { verb: 'pin', plugin, parameters: { version } };
      return recorded.make(call, asked, () => empty(backend.pin(plugin, version)));
    },
    unpinPlugin: ({ plugin }, call) =>
      recorded.make(call, { verb: 'unpin', plugin }, () => empty(backend.unpin(plugin))),
    reconcile: async ({ dryRun }, call) => {
      if (dryRun) return { changes: await backend.diff() };
      return recorded.make(call, { verb: 'reconcile' }, async () => ({ changes: await backend.reconcile() }));
    },
    shutdown: (_request, call) =>
      recorded.make(call, { verb: 'shutdown' }, async () => {
        backend.shutdown();
        return {};
      }),
  } satisfies Partial<AdminHandlers>;
}

function operations(backend: AdminBackend) {
  const { operations: book } = backend;
  const recorded = new RecordedChanges((record) => backend.audit(record));
  const control = async (
    plugin: string,
    id: string,
    what: (operation: KeptOperation) => boolean,
  ): Promise<{ operation: OperationRow }> => {
    const operation = id === '' ? book.running(plugin) : book.get(id);
    if (operation === undefined) throw notFound(`No operation is under way on plugin ${plugin}.`, { plugin });
    if (operation.plugin !== plugin)
      throw notFound(`Operation ${id} is not one of plugin ${plugin}.`, { plugin, operation: id });
    if (!what(operation))
      throw notFound(`It is too late for that: operation ${operation.id} is over, or about to be.`, {
        plugin,
        operation: operation.id,
      });
    return { operation: operationRow(operation) };
  };
  return {
    beginOperation: async (request, call): Promise<{ operation: OperationRow }> => {
      const { plugin, operation, target, options = {} } = request;
      const parameters = { ...(target === '' ? {} : { target }), options };
      const asked = { verb: operation, plugin, parameters };
      return { operation: operationRow(await recorded.begin(call, asked, () => backend.begin(request))) };
    },
    promoteOperation: ({ plugin, id }, call) => {
      const asked = { verb: 'promote', plugin, parameters: { id } };
      return recorded.make(call, asked, () => control(plugin, id, ({ handle }) => handle.promote()));
    },
    abortOperation: ({ plugin, id, reason }, call) => {
      const asked = { verb: 'abort', plugin, parameters: { id, reason } };
      return recorded.make(call, asked, () =>
        control(plugin, id, ({ handle }) => handle.abort(reason === '' ? undefined : reason)),
      );
    },
  } satisfies Partial<AdminHandlers>;
}

/** Fires when its caller leaves, and when the daemon does. */
function ending({ signal, draining }: ServiceCall): AbortSignal {
  return AbortSignal.any([signal, draining]);
}

async function empty(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}

function notFound(summary: string, facts: Readonly<Record<string, string>>): PluginError {
  return new PluginError('OPERATION_NOT_FOUND', summary, { facts });
}
