import { type Finding, fail, multiplexed, pass, type RuleText, skip, withTls } from './rule';
import type { Session } from './session';

/** Plugins need not offer every mode; one that is asked for by name has to be there. */
export const modeRule: RuleText = {
  id: 'mode.offered',
  rule: 'The plugin takes part in the mode: with a certificate in its line, or with a seventh field.',
  section: 'modes',
  expected: 'the fields that the mode needs; optional unless --mode names it',
};

export function offers({ mode, fields, first }: Session, demanded: boolean): Finding {
  // What is no line at all is the next rule's business.
  if (first.kind === 'none' || fields.length < 4) return pass('no line yet to tell by');
  const lacking = demanded ? fail : skip;
  if (withTls(mode) && (fields[5] ?? '') === '')
    return lacking('it shows no certificate though the host sent its own');
  if (multiplexed(mode) && fields[6] === undefined)
    return lacking('it has no seventh field though the host asked');
  return pass('it does');
}
