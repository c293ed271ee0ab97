// The words are go-plugin's own: people look for them, and hosts may.
const MISCONFIGURED = `Misconfigured ServeConfig given to serve this plugin: no magic cookie
key or value was set. Please notify the plugin author and report
this as a bug.
`;
const NOT_MEANT_TO_BE_RUN = `This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically
`;

/** @returns what to tell whoever started the plugin if it must not run, else undefined */
export function cookieRefusal(
  [name, value]: readonly [name: string, value: string],
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (name === '' || value === '') return MISCONFIGURED;
  return env[name] === value ? undefined : NOT_MEANT_TO_BE_RUN;
}
