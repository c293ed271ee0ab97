import { UsageError } from './usage-error';

/** `--cookie NAME=VALUE`. @throws UsageError */
export function cookieOption(text: string): [string, string] {
  const end = text.indexOf('=');
  if (end < 1 || end === text.length - 1)
    throw new UsageError(`--cookie ${text} is not of the form NAME=VALUE.`);
  return [text.slice(0, end), text.slice(end + 1)];
}

/** `--versions 1,2`. @throws UsageError */
export function versionsOption(text: string): number[] {
  const list = text.split(',').map((item) => (/^\d{1,9}$/.test(item) ? Number(item) : undefined));
  return list.map((version) => {
    if (version !== undefined) return version;
    throw new UsageError(`--versions ${text} is no list of whole numbers, such as 1,2.`);
  });
}
