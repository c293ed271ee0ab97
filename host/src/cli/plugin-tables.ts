import type { OperationRow, ServiceRow, VersionOnDisk } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { age } from './output/age';
import { type Paint, stateColour } from './output/colour';
import { renderTable } from './output/table';
import { listOf, numberOf, recordOf, textOf } from './plain-data';

// The parts of what is said of one plugin; empty where there is nothing to say.

export function instancesTable(snapshot: unknown, now: number, paint: Paint): string {
  const instances = listOf(recordOf(snapshot)['instances']);
  if (instances.length === 0) return '';
  return renderTable(
    [
      { header: 'INSTANCE', text: ({ id }) => textOf(id) },
      {
        header: 'STATE',
        text: ({ state }) => textOf(state),
        colour: ({ state }) => stateColour(textOf(state)),
      },
      { header: 'VERSION', text: ({ version }) => textOf(version) },
      { header: 'PID', text: ({ pid }) => textOf(pid), right: true },
      { header: 'IN FLIGHT', text: ({ inFlight }) => textOf(inFlight), right: true },
      {
        header: 'AGE',
        text: ({ startedAt }) => (numberOf(startedAt) === 0 ? '' : age(now - numberOf(startedAt))),
        right: true,
      },
      { header: 'ADDRESS', text: ({ address }) => textOf(address) },
    ],
    instances,
    { paint },
  );
}

export function versionsTable(versions: readonly VersionOnDisk[], paint: Paint): string {
  if (versions.length === 0) return '';
  return renderTable(
    [
      { header: 'ON DISK', text: ({ version }) => version },
      { header: 'STATE', text: ({ state }) => state, colour: ({ state }) => stateColour(state) },
      { header: 'DIGEST', text: ({ digest }) => digest.replace(/^sha256:/, '').slice(0, 12) },
      { header: 'DIRECTORY', text: ({ directory }) => directory },
      { header: 'PROBLEM', text: ({ problem }) => problem, colour: () => 'red' },
    ],
    versions,
    { paint },
  );
}

export function operationsTable(operations: readonly OperationRow[], now: number, paint: Paint): string {
  if (operations.length === 0) return '';
  return renderTable(
    [
      { header: 'OPERATION', text: ({ operation }) => operation },
      { header: 'FROM', text: ({ fromVersion }) => fromVersion },
      { header: 'TO', text: ({ toVersion }) => toVersion },
      { header: 'OUTCOME', text: ({ outcome }) => outcome, colour: ({ outcome }) => stateColour(outcome) },
      { header: 'BEGUN', text: ({ startedAt }) => `${age(now - startedAt)} ago`, right: true },
      {
        header: 'TOOK',
        text: ({ startedAt, endedAt }) =>
          endedAt === 0 ? '' : `${((endedAt - startedAt) / 1000).toFixed(1)}s`,
        right: true,
      },
      { header: 'CODE', text: ({ code }) => code },
      { header: 'MESSAGE', text: ({ message }) => message },
    ],
    operations,
    { paint },
  );
}

/** Those that clients reach stand first. What plugins serve for their host alone is counted. */
export function servicesTable(services: readonly ServiceRow[], paint: Paint): string {
  const own = services.filter(({ name }) => !ofTheHost.test(name));
  const shown = [...own.filter((one) => one.public), ...own.filter((one) => !one.public)];
  const hidden = services.length - own.length;
  const rows = shown.flatMap((service) =>
    service.methods.map((method) => ({ ...method, service: service.name, public: service.public })),
  );
  if (rows.length === 0) return '';
  const table = renderTable(
    [
      { header: 'METHOD', text: ({ service, name }) => `${service}/${name}` },
      { header: 'KIND', text: ({ kind }) => kind },
      { header: 'REACHED', text: (row) => (row.public ? 'by the front door' : 'inside only') },
      { header: 'REPEATABLE', text: ({ idempotency }) => repeatable[idempotency] ?? '' },
    ],
    rows,
    { paint },
  );
  return hidden === 0
    ? table
    : `${table}and ${hidden} services for the host: health, reflection and the like\n`;
}

const ofTheHost = /^(?:grpc\.(?:health|reflection)\.|plugin\.GRPC|plugd\.lifecycle\.)/;

const repeatable: Readonly<Record<string, string>> = {
  NO_SIDE_EFFECTS: 'yes, changes nothing',
  IDEMPOTENT: 'yes',
};
