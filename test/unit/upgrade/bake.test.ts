import { noCalls } from '../../../host/src/routing/endpoint';
import { type Baked, bake } from '../../../host/src/upgrade/bake';

/** A generation of one instance, whose fate the test decides. */
function newGeneration(): { replicas: { id: string }[]; lost: number } & Baked {
  return {
    spec: { name: 'kv', version: '2.0.0', instances: 1 },
    replicas: [{ id: 'kv-2-1' }],
    lost: 0,
    get generation() {
      return { statistics: { ...noCalls, lost: this.lost } };
    },
  };
}

const never = new AbortController().signal;

test('who lasts is baked', async () => {
  await bake(newGeneration(), 20, never);
});

test('an instance that was lost is missed, also where another one has its place already', async () => {
  const generation = newGeneration();
  const baking = bake(generation, 60_000, never);
  generation.replicas = [{ id: 'kv-2-2' }];
  await expect(baking).rejects.toMatchObject({ code: 'BAKE_FAILED', facts: { version: '2.0.0' } });
});

test('a call that was lost is enough', async () => {
  const generation = newGeneration();
  const baking = bake(generation, 60_000, never);
  generation.lost = 1;
  await expect(baking).rejects.toMatchObject({ code: 'BAKE_FAILED', facts: { callsLost: 1 } });
});

test('a plugin that is stopped meanwhile needs no verdict', async () => {
  const stopping = new AbortController();
  const baking = bake(newGeneration(), 60_000, stopping.signal);
  stopping.abort();
  await baking;
});
