/**
 * Holds a run against the list of known failures, complaint by complaint: a case that is known to fail in one way
 * and now fails in another is not known.
 *
 * @param known entries for this side, see known-failures.json
 * @param bare the failures of grpc-js alone in the same cases
 * @returns sentences, none if all is as the list says
 */
export function judge({ side, form, failures }, known, bare) {
  const findings = [];
  const met = new Set();
  const prefix = `${side}, ${form}`;
  for (const [name, complaints] of failures) {
    for (const complaint of complaints) {
      const entry = known.find((one) => matches(one, form, name, complaint));
      if (entry === undefined) {
        findings.push(`${prefix}: ${name}: ${complaint.slice(0, 300)}`);
        continue;
      }
      met.add(entry);
    }
  }
  for (const entry of known) {
    if (met.has(entry) && failsIn(bare, entry) !== entry.grpcJs) {
      findings.push(`${prefix}: the list says of "${entry.cases}" what does not hold of grpc-js alone`);
    }
    if (appliesTo(entry, form) && !met.has(entry)) {
      findings.push(`${prefix}: no case fails as "${entry.cases}" says: remove it from the list`);
    }
  }
  return findings;
}

/** By entry, not by case: some of these failures are races, which strike other cases of the entry each time. */
const failsIn = (bare, entry) =>
  [...(bare ?? [])].some(([name, complaints]) =>
    complaints.some((complaint) => matches({ ...entry, forms: undefined }, 'grpc-js', name, complaint)),
  );

const appliesTo = (entry, form) => entry.forms === undefined || entry.forms.includes(form);

const matches = (entry, form, name, complaint) =>
  appliesTo(entry, form) && new RegExp(entry.cases).test(name) && new RegExp(entry.complaint).test(complaint);
