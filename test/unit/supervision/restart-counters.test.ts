import { RestartCounters } from '../../../host/src/supervision/restart-counters';

test('what is counted is given as it is now, and does not change afterwards', () => {
  const counters = new RestartCounters();
  const before = counters.statistics;
  expect(before.recoverMs).toBeUndefined();
  counters.lost('crash');
  counters.lost('crash');
  counters.lost('connection-lost');
  counters.failedStart();
  counters.recovered(30);
  counters.recovered(20);
  counters.gaveUp();
  expect(counters.statistics).toEqual({
    lost: { crash: 2, unhealthy: 0, 'connection-lost': 1, limit: 0 },
    restarts: 2,
    failedStarts: 1,
    givenUp: 1,
    recoverMs: { last: 20, longest: 30 },
  });
  expect(before).toMatchObject({ lost: { crash: 0 }, restarts: 0, failedStarts: 0, givenUp: 0 });
});
