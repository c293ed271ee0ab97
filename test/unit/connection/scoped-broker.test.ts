import { Metadata } from '@grpc/grpc-js';
import { AddHelperDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { LINEAGE_KEY, Lineage, readLineage, withLineageKey } from '@plugd/protocol/rpc/lineage';
import { LineageContext } from '@plugd/protocol/rpc/lineage-context';
import { type BrokerLineage, ScopedBroker } from '../../../host/src/connection/scoped-broker';
import { brokerPair, cleanUp, forms } from '../broker/broker-pair';

afterEach(cleanUp);

test.each(forms)('calls in both directions have their lineage: $name', async (form) => {
  const pair = await brokerPair(form);
  const context = new LineageContext();
  const lineage: BrokerLineage = {
    serving: () => (metadata) => context.begin(Lineage.of('A', 1).over(readLineage(metadata))),
    carry: (metadata) => withLineageKey(metadata, Lineage.of('A', 2)),
  };
  const end = new AbortController();
  const broker = new ScopedBroker({ broker: async () => pair.host }, end.signal, lineage);

  const here: (string | undefined)[] = [];
  const id = await broker.serve(AddHelperDefinition, {
    sum: () => {
      here.push(context.current?.toString());
      return {};
    },
  });
  const fromThere = await pair.plugin.dial(id);
  const plugin = createPromiseClient(AddHelperDefinition, fromThere);
  await plugin.sum({});
  await plugin.sum({}, { metadata: { [LINEAGE_KEY]: 'B=1' } });
  expect(here).toEqual(['A=1', 'A=1,B=1']);

  const there: unknown[] = [];
  const theirs = await pair.plugin.serve(AddHelperDefinition, {
    sum: (_terms, { metadata }) => {
      there.push(metadata.getMap());
      return {};
    },
  });
  const host = createPromiseClient(AddHelperDefinition, await broker.dial(theirs));
  const given = new Metadata();
  given.set('own', 'kept');
  await host.sum({}, { metadata: given });
  expect(there).toMatchObject([{ own: 'kept', [LINEAGE_KEY]: 'A=2' }]);
  broker.end();
});
