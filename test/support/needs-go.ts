/** Whether the Go samples and the Go host can be run: `npm test` says where they can't (PLUGD_GO=0), in CI it fails. */
export const goIsHere: boolean = process.env['PLUGD_GO'] !== '0';

/** `describe` for tests that run them. Where Go is missing they are skipped, and so named in the output. */
export const describeWithGo: jest.Describe = goIsHere ? describe : describe.skip;
export const testWithGo: jest.It = goIsHere ? test : test.skip;
