import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { Contract } from '../../../host/src/contract/contract';
import { GenerationContract } from '../../../host/src/contract/generation-contract';
import { readContract } from '../../../host/src/contract/given-contract';

const get = '/samples.kv.v1.Kv/Get';
const load = '/samples.kv.v1.Kv/Load';
const { contract: kv } = readContract([KvDefinition]);

/** What a plugin could say of the store that claims more than is true. */
const boasting = new Contract({
  services: kv.services.map(({ name, methods }) => ({
    name,
    methods: methods.map((method) => ({ ...method, inputType: 'In', idempotency: 'idempotent' })),
  })),
});

test('until the plugin has answered, the given contract is all that is known', async () => {
  const generation = new GenerationContract(readContract([CounterDefinition]).contract);
  let answer = (_: Contract | undefined): void => {};
  const asked = generation.ask(() => new Promise((resolve) => (answer = resolve)));
  expect([generation.now.isIdempotent(get), generation.reflected]).toEqual([false, undefined]);
  answer(kv);
  expect((await asked).isIdempotent(get)).toBe(true);
  expect(generation.now.isIdempotent(get)).toBe(true);
  expect(generation.reflected).toBe(kv);
  expect(generation.now.services.map(({ name }) => name)).toEqual([
    'samples.counter.v1.Counter',
    'samples.kv.v1.Kv',
  ]);
});

test('the given word counts, method by method; the plugin fills in what it leaves open', async () => {
  const generation = new GenerationContract(kv);
  const merged = await generation.ask(async () => boasting);
  expect(merged.isIdempotent(load)).toBe(false);
  expect(merged.method(load)).toMatchObject({ inputType: 'In', levelStated: true });
  // grpc-js's definitions can't say it.
  const open = new GenerationContract(readContract([KvService]).contract);
  expect(open.now.isIdempotent(get)).toBe(false);
  expect((await open.ask(async () => kv)).isIdempotent(get)).toBe(true);
  expect(open.now.isIdempotent(load)).toBe(false);
});

test('of all who ask, one does', async () => {
  const generation = new GenerationContract();
  let asked = 0;
  const reflect = async () => {
    asked++;
    return kv;
  };
  const answers = await Promise.all([generation.ask(reflect), generation.ask(reflect)]);
  expect([asked, answers[0] === answers[1], await generation.ask(reflect)]).toEqual([1, true, answers[0]]);
  expect(asked).toBe(1);
});

test('a plugin without reflection is not asked again', async () => {
  const generation = new GenerationContract(kv);
  expect(await generation.ask(async () => undefined)).toBe(kv);
  expect(await generation.ask(() => Promise.reject(new Error('asked twice')))).toBe(kv);
  expect(generation.reflected).toBeUndefined();
});

test('where one instance could not be asked, the next one may', async () => {
  const generation = new GenerationContract();
  await expect(generation.ask(() => Promise.reject(new Error('it died')))).rejects.toThrow('it died');
  expect(generation.now).toBe(Contract.empty);
  expect((await generation.ask(async () => kv)).isIdempotent(get)).toBe(true);
});

test('who waits for another’s question asks himself when that fails, one at a time', async () => {
  const generation = new GenerationContract();
  let asking = 0;
  const most: number[] = [];
  const question = (outcome: () => Contract) => async () => {
    most.push(++asking);
    await new Promise((resolve) => setImmediate(resolve));
    asking--;
    return outcome();
  };
  const dying = question(() => {
    throw new Error('it died');
  });
  const answers = await Promise.allSettled(
    [dying, dying, question(() => kv), question(() => boasting)].map((reflect) => generation.ask(reflect)),
  );
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  expect(most).toEqual([1, 1, 1]);
  expect(generation.reflected).toBe(kv);
});
