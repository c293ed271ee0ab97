import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { Contract } from '../../../host/src/contract/contract';
import { GenerationContract } from '../../../host/src/contract/generation-contract';
import { readContract } from '../../../host/src/contract/given-contract';
import { ContractStreams } from '../../../host/src/supervision/contract-streams';
import { RecordingLogger } from '../../support/recording-logger';

const follow = '/samples.feed.v1.Feed/Follow';
const tick = '/samples.feed.v1.Feed/Tick';
const exchange = '/samples.feed.v1.Feed/Exchange';
const described = readContract(
  readFileSync(join(__dirname, '../../../proto/src/gen/samples.binpb')),
).contract;
const defined = readContract(FeedDefinition).contract;

/** Streams of a plugin with this contract given. */
function streams(given: Contract) {
  const sharedContract = new GenerationContract(given);
  const log = new RecordingLogger();
  let serves = true;
  const serving = () => (serves ? { sharedContract, contract: sharedContract.now } : undefined);
  return {
    rule: new ContractStreams('kv', serving, log),
    sharedContract,
    warnings: () => log.records.filter(({ level }) => level === 'warn').map(({ fields }) => fields),
    stops: () => {
      serves = false;
    },
  };
}

test('what descriptors tell is known at once', () => {
  const { rule } = streams(described);
  expect(rule.resumes(follow)).toMatchObject({ token: 1, request: 1 });
  expect(rule.mayBeCut(tick)).toBe(true);
  expect(rule.mayBeCut(follow)).toBe(false);
});

test('until the plugin has been asked nobody knows of a stream, but of other calls', async () => {
  const { rule, sharedContract } = streams(defined);
  expect(rule.resumes(follow)).toBe('unknown');
  expect(rule.resumes('/samples.feed.v1.Feed/Unheard')).toBe('unknown');
  expect(rule.resumes(exchange)).toBeUndefined();
  await sharedContract.ask(async () => described);
  expect(rule.resumes(follow)).toMatchObject({ token: 1, request: 1 });
  expect(rule.resumes(tick)).toBeUndefined();
});

test('where it has told nothing, that is said, once', async () => {
  const { rule, sharedContract, warnings } = streams(defined);
  await sharedContract.ask(async () => undefined);
  expect(rule.resumes(follow)).toBeUndefined();
  expect(rule.resumes(follow)).toBeUndefined();
  expect(warnings()).toEqual([
    { plugin: 'kv', method: follow, why: expect.stringMatching(/nobody tells of its messages/) },
    { plugin: 'kv', method: '/samples.feed.v1.Feed/Deliver', why: expect.any(String) },
  ]);
});

test('a question that came to nothing leaves it to the next one that is asked', async () => {
  const { rule, sharedContract } = streams(defined);
  await expect(sharedContract.ask(() => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  expect(rule.resumes(follow)).toBeUndefined();
  const asked = sharedContract.ask(async () => described);
  expect(rule.resumes(follow)).toBe('unknown');
  await asked;
  expect(rule.resumes(follow)).toMatchObject({ token: 1 });
});

test('what one stream can’t do is said once, whatever the details', () => {
  const { rule, warnings } = streams(described);
  rule.warn(follow, 'its token was refused', 'no 7');
  rule.warn(follow, 'its token was refused', 'no 8');
  rule.warn(tick, 'its token was refused');
  expect(warnings()).toMatchObject([{ method: follow, details: 'no 7' }, { method: tick }]);
});

test('where nothing serves, what did is remembered for calls that are cut', () => {
  const { rule, stops } = streams(described);
  rule.resumes(follow);
  stops();
  expect(rule.resumes(follow)).toBe('unknown');
  expect(rule.mayBeCut(tick)).toBe(true);
  expect(new ContractStreams('kv', () => undefined, new RecordingLogger()).mayBeCut(tick)).toBe(false);
});

test('a contract without resumable streams asks nobody by name', () => {
  const { rule } = streams(Contract.empty);
  expect(rule.mayBeCut(tick)).toBe(false);
});
