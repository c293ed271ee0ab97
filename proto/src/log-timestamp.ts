/** `2006-01-02T15:04:05.000000Z07:00`, as Go's time.Parse reads it: lenient in the hour's digits and the offset. */
const WIRE_FORM = /^(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})[.,]\d{6}(?:Z|[+-](\d{2}):(\d{2}))$/;

/** Whether a Go host can read this @timestamp; one that it can't read costs the line its level. */
export function isLogTimestamp(text: string): boolean {
  const numbers = WIRE_FORM.exec(text)
    ?.slice(1)
    .map((digits) => Number(digits ?? 0));
  if (numbers === undefined) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offsetHour = 0, offsetMinute = 0] =
    numbers;
  return (
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysIn(year, month) &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    // Go allows offsets of 24 hours and of 60 minutes, because some people write them.
    offsetHour <= 24 &&
    offsetMinute <= 60
  );
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** A moment in the wire's form, in UTC. Node knows milliseconds; the wire wants six digits. */
export function formatLogTimestamp(moment: Date): string {
  return moment.toISOString().replace('Z', '000Z');
}

/** A timestamp in the wire's form: as given if it has it, converted if it is a date of another form, else now. */
export function toLogTimestamp(text: string | undefined): string {
  if (text === undefined) return formatLogTimestamp(new Date());
  if (isLogTimestamp(text)) return text;
  const moment = new Date(text);
  // Years beyond four digits have an ISO form of their own, which Go does not read.
  const readable = moment.getUTCFullYear() >= 0 && moment.getUTCFullYear() <= 9999;
  return formatLogTimestamp(readable ? moment : new Date());
}
