/** Ways in which a host can run a plugin; each is checked on its own. */
export const modes = ['plain', 'automtls', 'multiplexed', 'multiplexed-automtls'] as const;
export type Mode = (typeof modes)[number];

/**
 * `warn`: allowed, or missing what is optional, but some host or user will miss it. `skip`: could not be looked at;
 * what was seen says why.
 */
export type Verdict = 'pass' | 'fail' | 'warn' | 'skip';

export interface Finding {
  readonly verdict: Verdict;
  readonly seen: string;
}

export interface RuleText {
  /** Stable: scripts may name it. */
  readonly id: string;
  /** What a plugin has to do. */
  readonly rule: string;
  /** The part of the protocol that it belongs to. */
  readonly section: string;
  readonly expected: string;
}

/** One rule of the wire, and how it is looked at in a process or a laboratory. */
export interface Rule<Subject> extends RuleText {
  /** Rules without which this one has nothing to look at: unless all of them hold it is skipped. */
  readonly needs?: readonly string[];
  /** The modes in which it means something; default all. */
  readonly in?: (mode: Mode) => boolean;
  /** Whether it means something for this one; default yes. What does not apply is not told of. */
  readonly appliesTo?: (subject: Subject) => Promise<boolean>;
  /** Whether it looks at how the process ended. Default false: skipped where the process is gone. */
  readonly afterExit?: boolean;
  check(subject: Subject): Promise<Finding> | Finding;
}

export interface RuleResult extends RuleText, Finding {
  /** Null for a rule that has nothing to do with modes. */
  readonly mode: Mode | null;
}

export const pass = (seen: string): Finding => ({ verdict: 'pass', seen });
export const fail = (seen: string): Finding => ({ verdict: 'fail', seen });
export const warn = (seen: string): Finding => ({ verdict: 'warn', seen });
export const skip = (seen: string): Finding => ({ verdict: 'skip', seen });
/** `pass` where it holds, else `fail`. */
export const verdict = (holds: boolean, seen: string): Finding => (holds ? pass(seen) : fail(seen));

export const withTls = (mode: Mode): boolean => mode === 'automtls' || mode === 'multiplexed-automtls';
export const multiplexed = (mode: Mode): boolean => mode.startsWith('multiplexed');
