import { GoHost } from '../support/go-host';
import { testCell } from '../support/matrix-suite';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const makeHost = () => new GoHost();

describeWithGo.each([
  ['plain', false],
  ['AutoMTLS', true],
])('Go host, %s', (_name, autoMtls) => {
  describe('TS plugin', () => testCell({ sample: { language: 'TS', command: kvTs }, autoMtls, makeHost }));
  describe('Go plugin', () => testCell({ sample: { language: 'Go', command: kvGo }, autoMtls, makeHost }));
});
