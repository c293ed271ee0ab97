import { waitAtMost } from '../launch/wait-at-most';
import type { Platform } from '../platform/platform';
import { selectPlatform } from '../platform/select-platform';
import { addressRules } from './address-rules';
import { brokerRules } from './broker-rules';
import { cookieRules } from './cookie-rules';
import { counterRules } from './counter-rules';
import { handshakeRules } from './handshake-rules';
import { Laboratory } from './laboratory';
import { leavingRules, terminationRules } from './leaving-rules';
import { modeRule, offers } from './mode-rule';
import { multiplexRules } from './multiplex-rules';
import { orphanRules } from './orphan-rules';
import { outputRules } from './output-rules';
import type { PluginUnderTest } from './plugin-under-test';
import { fail, type Mode, modes, type Rule, type RuleResult, type RuleText, skip } from './rule';
import { serviceRules } from './service-rules';
import { Session } from './session';
import { tlsRules } from './tls-rules';
import { versionRules } from './version-rules';

/** In the order in which they are looked at in one process. */
const sessionRules = [
  ...handshakeRules,
  ...addressRules,
  ...tlsRules,
  ...serviceRules,
  ...brokerRules,
  ...counterRules,
  ...multiplexRules,
  ...outputRules,
  ...leavingRules,
];

/** For the exit of a process whose call has just failed to be known. */
const EXIT_NOTICE_MS = 200;

/** All rules that there are. */
export const rules: readonly RuleText[] = [
  ...cookieRules,
  modeRule,
  ...sessionRules,
  ...terminationRules,
  ...versionRules,
  ...orphanRules,
];

export interface ConformOptions {
  /** The modes that the plugin has to offer. Default: it is checked in those that it offers. */
  readonly modes?: readonly Mode[];
  /** Leaves out the rules that belong to no mode: cookie, versions, orphan. Default false. */
  readonly modesOnly?: boolean;
  /** Called with each result as it comes. */
  readonly onResult?: (result: RuleResult) => void;
  readonly platform?: Platform;
}

/**
 * Checks a plugin against the wire, rule by rule. Leaves no process and no file.
 *
 * Throws the PluginError of a file that can't be run; whatever a plugin does is a result.
 */
export async function conform(plugin: PluginUnderTest, options: ConformOptions = {}): Promise<RuleResult[]> {
  const laboratory = await Laboratory.open(plugin, options.platform ?? selectPlatform());
  try {
    const examination = new Examination(laboratory, options.onResult ?? (() => {}));
    const whole = options.modesOnly !== true;
    if (whole) await examination.once(cookieRules);
    for (const mode of modes) {
      if (options.modes?.includes(mode) ?? true) await examination.mode(mode, options.modes !== undefined);
    }
    if (whole) await examination.once([...versionRules, ...orphanRules]);
    return examination.results;
  } finally {
    await laboratory.close();
  }
}

class Examination {
  readonly results: RuleResult[] = [];
  readonly #laboratory: Laboratory;
  readonly #onResult: (result: RuleResult) => void;

  constructor(laboratory: Laboratory, onResult: (result: RuleResult) => void) {
    this.#laboratory = laboratory;
    this.#onResult = onResult;
  }

  /** Rules that start processes of their own. */
  async once(list: readonly Rule<Laboratory>[]): Promise<void> {
    for (const rule of list) await this.#check(rule, this.#laboratory, null);
  }

  async mode(mode: Mode, demanded: boolean): Promise<void> {
    const offered = await this.#session(mode, async (session) => {
      const finding = offers(session, demanded);
      this.#add(modeRule, mode, finding);
      if (finding.verdict !== 'pass') return false;
      for (const rule of sessionRules) await this.#inSession(rule, session);
      return true;
    });
    if (!offered) return;
    const unmet = this.#unmet(['connection.answers'], mode);
    if (unmet !== undefined) {
      for (const rule of terminationRules) this.#add(rule, mode, skip(`needs ${unmet}`));
      return;
    }
    await this.#session(mode, async (session) => {
      for (const rule of terminationRules) await this.#inSession(rule, session);
    });
  }

  async #session<T>(mode: Mode, task: (session: Session) => Promise<T>): Promise<T> {
    const session = await Session.start(this.#laboratory, mode);
    try {
      return await task(session);
    } finally {
      await session.end();
    }
  }

  async #inSession(rule: Rule<Session>, session: Session): Promise<void> {
    const { kept } = session.probe;
    if (rule.in?.(session.mode) === false || (await rule.appliesTo?.(session)) === false) return;
    if (kept.exit !== undefined && rule.afterExit !== true)
      return this.#add(rule, session.mode, skip('the process has ended'));
    await this.#check(rule, session, session.mode);
    // A call fails a moment before the end of the process is known.
    if (this.results.at(-1)?.verdict === 'fail') await waitAtMost(kept.exited, EXIT_NOTICE_MS);
  }

  async #check<Subject>(rule: Rule<Subject>, subject: Subject, mode: Mode | null): Promise<void> {
    const unmet = this.#unmet(rule.needs, mode);
    if (unmet !== undefined) return this.#add(rule, mode, skip(`needs ${unmet}`));
    try {
      this.#add(rule, mode, await rule.check(subject));
    } catch (error) {
      // The plugin's doing all the same: what is thrown here is a connection that can't be made.
      this.#add(rule, mode, fail(error instanceof Error ? error.message : String(error)));
    }
  }

  /** The first of the rules that does not hold; outside of modes it is enough that it holds in one. */
  #unmet(needs: readonly string[] = [], mode: Mode | null): string | undefined {
    return needs.find((id) => {
      const found = this.results.filter((one) => one.id === id && (mode === null || one.mode === mode));
      // A rule that this mode does not have asks nothing of it.
      if (found.length === 0) return mode === null;
      return !found.some(({ verdict }) => verdict === 'pass' || verdict === 'warn');
    });
  }

  #add(
    { id, rule, section, expected }: RuleText,
    mode: Mode | null,
    { verdict, seen }: Pick<RuleResult, 'verdict' | 'seen'>,
  ): void {
    const result = { id, mode, verdict, section, rule, expected, seen };
    this.results.push(result);
    this.#onResult(result);
  }
}
