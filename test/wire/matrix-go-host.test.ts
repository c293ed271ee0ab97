import { GoHost } from '../support/go-host';
import { matrixModes, testCell } from '../support/matrix-suite';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const makeHost = () => new GoHost();

describeWithGo.each(matrixModes)('Go host, %s', (_name, mode) => {
  describe('TS plugin', () => testCell({ sample: { language: 'TS', command: kvTs }, mode, makeHost }));
  describe('Go plugin', () => testCell({ sample: { language: 'Go', command: kvGo }, mode, makeHost }));
});
