import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ContractRetry } from '../../../host/src/supervision/contract-retry';
import type { Supervisor } from '../../../host/src/supervision/supervisor';
import { supervised } from './fake-instances';

const method = (name: string) => `/samples.kv.v1.Kv/${name}`;

describe('which calls may be begun anew', () => {
  test.each([
    ['Get', 'one-answer'],
    ['Put', 'one-answer'],
    ['Watch', 'stream'],
    ['Load', 'no'],
    ['Chat', 'no'],
    ['Unheard', 'no'],
  ])('as the contract says: %s', (name, expected) => {
    const { supervisor } = supervised({ contract: [KvDefinition] });
    expect(new ContractRetry(() => supervisor).mayRepeat(method(name))).toBe(expected);
  });

  test('none, where nobody says so or nothing is in the route', () => {
    const { supervisor } = supervised();
    expect(new ContractRetry(() => supervisor).mayRepeat(method('Get'))).toBe('no');
    const nothing = new ContractRetry(() => undefined);
    expect([nothing.mayRepeat(method('Get')), nothing.attempts]).toEqual(['no', 1]);
  });

  test('as the generation says that is in the route at that moment', () => {
    let serving: Supervisor = supervised({ attempts: 2 }).supervisor;
    const rule = new ContractRetry(() => serving);
    expect([rule.mayRepeat(method('Get')), rule.attempts]).toEqual(['no', 2]);
    serving = supervised({ attempts: 5, contract: [KvDefinition] }).supervisor;
    expect([rule.mayRepeat(method('Get')), rule.attempts]).toEqual(['one-answer', 5]);
  });
});
