import { matrixModes, matrixModesOfOurs, testCell } from '../support/matrix-suite';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';
import { TsHost } from '../support/ts-host';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const makeHost = (runDir: string) => new TsHost({ runDir });

describe.each(matrixModesOfOurs)('TS host, %s', (_name, mode) => {
  describe('TS plugin', () => testCell({ sample: { language: 'TS', command: kvTs }, mode, makeHost }));
});

describeWithGo.each(matrixModes)('TS host, %s', (_name, mode) => {
  describe('Go plugin', () => testCell({ sample: { language: 'Go', command: kvGo }, mode, makeHost }));
});
