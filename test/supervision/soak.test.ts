import { execFile } from 'node:child_process';
import { resolve } from 'node:path';

const inFull = process.env['PLUGD_FULL'] === '1' ? test : test.skip;
const script = resolve(__dirname, '../../scripts/soak.mjs');

inFull(
  'a host whose plugins are struck for 20 s fails no call that may be repeated, and leaves nothing',
  async () => {
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((done) => {
      execFile(process.execPath, [script, '--seconds', '20'], (error, out) =>
        done({ code: error?.code ?? 0, stdout: out }),
      );
    });
    const summary: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(summary).toMatchObject({ held: true, faults: [] });
    expect(code).toBe(0);
  },
  180_000,
);
