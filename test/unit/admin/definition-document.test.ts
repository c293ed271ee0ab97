import { AdminDefinition } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definitionDocument, definitionFrom } from '../../../host/src/admin/definition-document';
import { contractOfDefinition, readContract } from '../../../host/src/contract/given-contract';

test.each([
  ['of ts-proto', KvDefinition],
  ['with options for streams', FeedDefinition],
  ['of grpc-js, which says less', KvService],
  ['with methods of all levels', AdminDefinition],
])('a definition %s says the same in another process', (_kind, definition) => {
  const here = contractOfDefinition(definition).services;
  const sent = JSON.parse(JSON.stringify(here.map(definitionDocument)));
  const there = readContract(sent.map(definitionFrom));
  expect(there.contract.services).toEqual(here);
  expect(there.required).toEqual(here.map(({ name }) => name));
});

test.each([
  [undefined],
  ['text'],
  [{}],
  [{ service: 'a.B' }],
  [{ service: 'a.B', methods: [1] }],
  [{ service: 'a.B', methods: [{}] }],
])('%j is none', (document) => {
  expect(definitionFrom(document)).toBeUndefined();
});
