import { checkExpectations, type ExpectOptions, timedSteps } from '../../../host/src/instance/expect-options';
import { stepWords } from '../../../host/src/upgrade/step-table';

const invalid = (option: string) => expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } });

test('without being told, three seconds, ten megabytes and no failed call are expected', () => {
  const { strict, stepMs, ...expected } = checkExpectations();
  const given = Object.entries(expected).filter(([, value]) => value !== undefined);
  expect(Object.fromEntries(given)).toEqual({
    wholeBeyondStartMs: 3_000,
    hostDriftBytes: 10_000_000,
    failed: 0,
  });
  expect({ strict, stepMs }).toEqual({ strict: false, stepMs: {} });
});

test('Infinity takes a default away, and what is given stays', () => {
  const options: ExpectOptions = {
    failed: Number.POSITIVE_INFINITY,
    pauseMs: 10,
    stepMs: { swap: 1 },
    strict: true,
  };
  const before = structuredClone(options);
  expect(checkExpectations(options)).toMatchObject({
    failed: undefined,
    pauseMs: 10,
    stepMs: { swap: 1 },
    strict: true,
  });
  expect(options).toEqual(before);
});

test('the time of every step of the table can be named, and of no other', () => {
  expect([...timedSteps].sort()).toEqual(Object.keys(stepWords).sort());
});

test.each<[string, unknown]>([
  ['expect', 'strict'],
  ['expect.wholeBeyondStartMs', { wholeBeyondStartMs: -1 }],
  ['expect.pauseMs', { pauseMs: '10' }],
  ['expect.stepMs', { stepMs: 10 }],
  ['expect.stepMs.swop', { stepMs: { swop: 10 } }],
  ['expect.stepMs.swap', { stepMs: { swap: Number.NaN } }],
  ['expect.held', { held: null }],
  ['expect.failed', { failed: -1 }],
  ['expect.availability', { availability: 99.9 }],
  ['expect.hostDriftBytes', { hostDriftBytes: '10 MB' }],
  ['expect.snapshotBytes', { snapshotBytes: -0.5 }],
  ['expect.strict', { strict: 'yes' }],
])('%s is refused by name', (option, given) => {
  expect(() => checkExpectations(given as ExpectOptions)).toThrow(invalid(option));
});
