import { diagnose } from '../doctor/diagnose';
import type { CliContext } from './context';
import { renderFindings } from './doctor-report';
import { exitCodes } from './exit-code';
import { cookieOption, versionsOption } from './handshake-options';
import { ownVersion } from './own-version';

/** As they were typed. */
export interface DoctorOptions {
  readonly start: boolean;
  readonly cookie?: string;
  readonly versions: string;
}

/** Runs `plugd doctor`. The exit code is 1 if anything fails. @throws UsageError */
export async function runDoctor(
  target: string | undefined,
  args: readonly string[],
  { start, cookie, versions }: DoctorOptions,
  context: CliContext,
): Promise<void> {
  const { env, cwd, options } = context;
  const { timeoutMs, quiet } = options;
  const findings = await diagnose(target, {
    env,
    cwd,
    start,
    version: ownVersion(),
    config: options.config,
    socket: options.socket,
    handshake: {
      args,
      protocolVersions: versionsOption(versions),
      ...(cookie === undefined ? {} : { cookie: cookieOption(cookie) }),
    },
    ...(timeoutMs === undefined ? {} : { startTimeoutMs: timeoutMs }),
    signal: context.signal,
  });
  const failed = findings.filter(({ verdict }) => verdict === 'fail');
  context.printOne({
    text: () => renderFindings(findings, context.paint, quiet),
    name: [...new Set(failed.map(({ check }) => check))].join('\n'),
    document: { verdict: failed.length === 0 ? 'ok' : 'fail', findings },
  });
  context.exitWith(failed.length === 0 ? exitCodes.ok : exitCodes.failed);
}
