import { EventBuffer } from '../admin/event-buffer';
import { OperationsBook } from '../admin/operations-book';
import type { DaemonConfig } from '../config/config';
import type { DaemonPlaces } from '../config/places';
import { Redactor } from '../config/redactor';
import { openHost } from '../create-host';
import type { Logger } from '../events/logger';
import { createFrontDoor, type FrontDoor } from '../front-door/front-door';
import type { Host } from '../host';
import { eventRecord } from '../logs/event-record';
import { LogBook } from '../logs/log-book';
import { ApplicationPlugins } from './application-plugins';
import { AuditLog } from './audit-log';
import { ConfigBook } from './config-book';
import { DaemonLog } from './daemon-log';
import type { DaemonOptions } from './daemon-options';
import { Doors } from './doors';
import { earlierOperations } from './earlier-operations';
import { logOperations } from './log-operations';
import { type MetricsDoor, openMetrics } from './metrics-door';
import { OwnChanges } from './own-changes';
import { PluginChanges } from './plugin-changes';
import { PluginViews } from './plugin-views';
import { Reconciler } from './reconciler';
import { WatchedHost } from './watched-host';

/** What a daemon is made of, beside its admin API. */
export interface DaemonParts {
  readonly places: DaemonPlaces;
  readonly host: Host;
  readonly book: ConfigBook;
  readonly logBook: LogBook;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly redactor: Redactor;
  readonly events: EventBuffer;
  readonly operations: OperationsBook;
  readonly doors: Doors;
  readonly changes: PluginChanges;
  readonly views: PluginViews;
  readonly reconciler: Reconciler;
  /** Undefined: nobody reads them. */
  readonly metrics: MetricsDoor | undefined;
  /** Looks at the plugins for the first time. Throws PluginError ARTIFACT_UNREADABLE. */
  begin(): Promise<void>;
  /** @param beforeLogs when all plugins have ended, and can still be logged. Never rejects. */
  close(beforeLogs?: () => Promise<void>): Promise<void>;
}

/** What is opened is closed again where something else can't be. Throws PluginError. */
export async function openParts(options: DaemonOptions, places: DaemonPlaces): Promise<DaemonParts> {
  const { config, configFile } = options;
  const redactor = new Redactor();
  const book = await ConfigBook.open(configFile, config, redactor);
  const daemonLog = new DaemonLog(redactor, options.stderr);
  const log = daemonLog.logger;
  for (const [plugin, { message }] of book.unresolved)
    log.error('a plugin is not run for its settings', { plugin, error: message });
  // Whoever has the state directory is the only one who writes in it: before that nothing else is opened.
  const { host, begin } = await openHost(hostOptions(places, config, book, log));
  const undo: (() => Promise<void>)[] = [() => host.close()];
  try {
    const logBook = await openLogBook(places, config, redactor);
    // After the host: it has something to say until its end.
    undo.unshift(() => logBook.close());
    daemonLog.open(logBook.logger);
    const door = places.frontDoor === false ? undefined : await createFrontDoor(places.frontDoor);
    undo.push(async () => door?.close({ timeoutMs: 0 }));
    const metrics = config?.metrics
      ? await openMetrics(config.metrics, { host, logBook, version: options.version })
      : undefined;
    return assemble({ places, host, begin, book, daemonLog, logBook, door, metrics, redactor });
  } catch (error) {
    for (const close of undo.reverse()) await close();
    throw error;
  }
}

function hostOptions(places: DaemonPlaces, config: DaemonConfig | undefined, book: ConfigBook, log: Logger) {
  const { stateDir, pluginsDir } = places;
  const { memoryBudgetBytes, watch } = config ?? {};
  const { settingsOf: settings } = book;
  return {
    stateDir,
    logger: log,
    ...(memoryBudgetBytes === undefined ? {} : { memoryBudgetBytes }),
    ...(pluginsDir === undefined ? {} : { pluginsDir: { directory: pluginsDir, ...watch, settings } }),
  };
}

function openLogBook(
  { logDir: directory }: DaemonPlaces,
  config: DaemonConfig | undefined,
  redact: Redactor,
): Promise<LogBook> {
  const { level, maxBytes, maxFiles } = config?.logs ?? {};
  return LogBook.open({
    directory,
    redact,
    ...(level === undefined ? {} : { level }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(maxFiles === undefined ? {} : { maxFiles }),
  });
}

interface Opened {
  readonly places: DaemonPlaces;
  readonly host: Host;
  readonly begin: () => Promise<void>;
  readonly book: ConfigBook;
  readonly daemonLog: DaemonLog;
  readonly logBook: LogBook;
  readonly door: FrontDoor | undefined;
  readonly metrics: MetricsDoor | undefined;
  readonly redactor: Redactor;
}

function assemble(opened: Opened): DaemonParts {
  const { places, host, book, daemonLog, logBook, door, metrics, redactor } = opened;
  const log = daemonLog.logger;
  const events = new EventBuffer();
  const operations = new OperationsBook((plugin) => host.plugin(plugin)?.status().generation ?? 0);
  const audit = new AuditLog({ directory: places.stateDir, logger: log, redactor });
  const watched = new WatchedHost(host, places.pluginsDir !== undefined);
  const applications = new ApplicationPlugins(host);
  const changes = new PluginChanges({ host, operations, watched, applications, book });
  const doors = new Doors({ host, door, watched, logger: log, applications });
  const startedAt = Date.now();
  const earlier = (plugin: string) => earlierOperations(places.stateDir, plugin, startedAt);
  const known = { host, operations, earlier, events, applications, changes, watched, book, doors, redactor };
  const views = new PluginViews(known);
  const reconciler = new Reconciler({
    book,
    host: watched,
    logger: log,
    onAccepted: ({ config }) => {
      logBook.level = config?.logs?.level ?? 'info';
    },
  });
  host.on('event', (event) => {
    logBook.observe(event);
    const record = eventRecord(event);
    if (record !== undefined) daemonLog.show(record.level, record.message, record.fields);
  });
  host.on('operation', logOperations(log));
  host.on('event', events.add);
  host.on('event', new OwnChanges((record) => audit.write(record)).observe);
  host.on('event', applications.observe);
  host.on('event', doors.observe);
  host.on('event', views.observe);
  host.on('operation', operations.begun);
  const close = async (beforeLogs?: () => Promise<void>) => {
    reconciler.close();
    // Calls through the front door end with those of their plugins.
    await Promise.all([door?.close({ timeoutMs: 60_000 }), host.close()]);
    await metrics?.close();
    await beforeLogs?.();
    audit.close();
    await logBook.close();
  };
  const begin = async () => {
    await opened.begin();
    doors.settle();
  };
  const parts = { ...opened, begin, log, audit, events, operations, doors, changes, views, reconciler };
  return { ...parts, close };
}
