import { type DescField, ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import type { MessageLibrary } from '../contract/message-library';
import {
  DecodedMessage,
  decodeMessage,
  type Scalar,
  textOf,
  type Value,
  ValueBudget,
  zeroOf,
} from './decode';
import type { AnswerDifference } from './difference';
import type { FieldPaths } from './field-paths';
import type { Redaction } from './redaction';

/** What two messages are compared by. */
export interface MessageComparison {
  readonly library: MessageLibrary;
  readonly ignore: FieldPaths;
  readonly reveal: FieldPaths;
  readonly redaction: Redaction;
  /** How many differences are of interest; after those the comparison ends. */
  readonly most: number;
}

/** In what the two differ, as their callers would read them: no more than are of interest. Both have one type. */
export function compareMessages(
  old: DecodedMessage,
  other: DecodedMessage,
  comparison: MessageComparison,
): AnswerDifference[] {
  const comparer = new Comparer(comparison);
  comparer.messages(old, other, root);
  return comparer.found;
}

/** Where something stands: what it is named by, and how it is shown. */
interface Place {
  readonly steps: readonly string[];
  readonly shown: string;
  readonly revealed: boolean;
}

const root: Place = { steps: [], shown: '', revealed: false };

const ANY = 'google.protobuf.Any';
const ANY_VALUES = 10_000;

class Comparer {
  readonly found: AnswerDifference[] = [];

  constructor(private readonly by: MessageComparison) {}

  private get enough(): boolean {
    return this.found.length >= this.by.most;
  }

  messages(old: DecodedMessage, other: DecodedMessage, place: Place): void {
    if (old.type.typeName === ANY && this.packed(old, other, place)) return;
    for (const field of old.type.fields) {
      if (this.enough) return;
      const one = old.fields.get(field.number);
      const two = other.fields.get(field.number);
      if (one === undefined && two === undefined) continue;
      const at = this.below(place, field.name, field.name, `${field.parent.typeName}.${field.name}`);
      if (at !== undefined) this.field(field, one, two, at);
    }
  }

  /** What is packed in an Any may be written in many ways, as all messages. */
  private packed(old: DecodedMessage, other: DecodedMessage, place: Place): boolean {
    const one = this.unpacked(old);
    const two = this.unpacked(other);
    if (one === undefined || two === undefined || one.type !== two.type) return false;
    this.messages(one, two, place);
    return true;
  }

  private unpacked({ fields }: DecodedMessage): DecodedMessage | undefined {
    const [url, bytes] = [fields.get(1), fields.get(2)];
    if (!(url instanceof Uint8Array)) return undefined;
    const name = textOf(url);
    const type = this.by.library.message(name.slice(name.lastIndexOf('/') + 1));
    if (type === undefined) return undefined;
    try {
      return decodeMessage(bytes instanceof Uint8Array ? bytes : NO_BYTES, type, new ValueBudget(ANY_VALUES));
    } catch {
      return undefined;
    }
  }

  private field(field: DescField, one: Value | undefined, two: Value | undefined, at: Place): void {
    if (field.fieldKind === 'list') this.lists(field, asList(one), asList(two), at);
    else if (field.fieldKind === 'map') this.maps(field, asMap(one), asMap(two), at);
    else this.singles(field, one ?? absent(field), two ?? absent(field), at);
  }

  private singles(field: DescField, one: Value | undefined, two: Value | undefined, at: Place): void {
    if (one === undefined || two === undefined) {
      this.report(one === undefined ? 'added' : 'missing', field, one, two, at);
    } else if (one instanceof DecodedMessage && two instanceof DecodedMessage) {
      this.messages(one, two, at);
    } else if (!sameScalar(one, two)) {
      this.report('value', field, one, two, at);
    }
  }

  private lists(field: DescField, one: readonly Value[], two: readonly Value[], at: Place): void {
    if (one.length !== two.length) {
      const lengths = [one, two].map(({ length }) => `list of ${length}`);
      this.found.push({ field: at.shown, kind: 'length', old: lengths[0] ?? '', new: lengths[1] ?? '' });
      return;
    }
    for (const [index, value] of one.entries()) {
      if (this.enough) return;
      const below = this.below(at, String(index), String(index));
      if (below !== undefined) this.singles(field, value, two[index], below);
    }
  }

  private maps(
    field: DescField,
    one: ReadonlyMap<string, Value>,
    two: ReadonlyMap<string, Value>,
    at: Place,
  ): void {
    for (const key of new Set([...one.keys(), ...two.keys()])) {
      if (this.enough) return;
      const below = this.below(at, key, undefined);
      if (below !== undefined) this.singles(field, one.get(key), two.get(key), below);
    }
  }

  /** Undefined: it doesn't count. `shown` is undefined for a key, which is a value too. */
  private below(place: Place, step: string, shown: string | undefined, fullName?: string): Place | undefined {
    const steps = [...place.steps, step];
    if (this.by.ignore.includes(steps, fullName)) return undefined;
    const revealed = place.revealed || this.by.reveal.includes(steps, fullName);
    const name = shown ?? (revealed ? step.slice(0, 100) : this.by.redaction.mark(step));
    return { steps, shown: place.shown === '' ? name : `${place.shown}.${name}`, revealed };
  }

  private report(
    kind: AnswerDifference['kind'],
    field: DescField,
    one: Value | undefined,
    two: Value | undefined,
    { shown, revealed }: Place,
  ): void {
    const { redaction } = this.by;
    const told = (value: Value | undefined): string => describe(value, field, revealed, redaction);
    this.found.push({ field: shown, kind, old: told(one), new: told(two) });
  }
}

/** What a field of a message says, for who may know it. */
export function describe(
  value: Value | undefined,
  field: DescField,
  revealed: boolean,
  redaction: Redaction,
): string {
  if (value === undefined) return 'absent';
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (value instanceof Map) return `map of ${value.size}`;
  if (value instanceof DecodedMessage) return `message ${value.type.typeName}`;
  const kind = field.scalar === undefined ? 'enum' : ScalarType[field.scalar].toLowerCase();
  if (value instanceof Uint8Array) return redaction.text(kind, value, revealed);
  return redaction.short(kind, String(value), revealed);
}

/** What a field has that isn't written; undefined where it is the absence that is told. */
function absent(field: DescField): Scalar | undefined {
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT) return undefined;
  return field.fieldKind === 'message' ? undefined : zeroOf(field.scalar ?? ScalarType.INT32);
}

function sameScalar(one: Value, two: Value): boolean {
  if (one instanceof Uint8Array && two instanceof Uint8Array) return Buffer.compare(one, two) === 0;
  return one === two || (Number.isNaN(one) && Number.isNaN(two));
}

function asList(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? value : [];
}

function asMap(value: Value | undefined): ReadonlyMap<string, Value> {
  return value instanceof Map ? value : new Map<string, Value>();
}

const NO_BYTES = new Uint8Array(0);
