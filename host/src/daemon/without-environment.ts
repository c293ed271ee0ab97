import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import { isStruct } from '../admin/struct';
import { redacted } from '../config/redactor';

type Variables = Readonly<Record<string, string>>;

/**
 * The same with `***` for the values of all variables, wherever they stand: which of them are secrets only the one knows who gave them.
 *
 * @param known those that may be told, for they stand in a manifest or a config
 */
export function withoutEnvironment(value: JsonObject, known: Variables = {}): JsonObject {
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, one]) => [key, key === 'env' ? hidden(one, known) : within(one, known)]),
  );
}

function within(value: JsonValue, known: Variables): JsonValue {
  if (Array.isArray(value)) return value.map((one) => within(one, known));
  return isStruct(value) ? withoutEnvironment(value, known) : value;
}

/** What is no list of variables by name is one in another form, or a mistake. */
function hidden(variables: JsonValue, known: Variables): JsonValue {
  if (!isStruct(variables)) return redacted;
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => {
      const isKnown = Object.hasOwn(known, name) && known[name] === value;
      return [name, isKnown ? value : redacted];
    }),
  );
}
