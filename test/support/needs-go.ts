/**
 * `describe` for tests that run the Go samples or the Go host. Where Go is missing they are skipped, and so
 * named in the output; `npm test` says so (PLUGD_GO=0), and in CI fails instead.
 */
export const describeWithGo: jest.Describe = process.env['PLUGD_GO'] === '0' ? describe.skip : describe;
