/**
 * What an argument names, for completion: a plugin; one that is pinned, stopped or in the middle of an operation; a version of the plugin
 * before it; one of its methods; a verb; or a file.
 */
export type ArgumentKind =
  | 'plugin'
  | 'pinned'
  | 'stopped'
  | 'busy'
  | 'version'
  | 'version or file'
  | 'method'
  | 'verb'
  | 'plugin or file'
  | 'file';

/** Of each verb, in their order; the last one also of those that follow it. */
export const argumentKinds: Readonly<Record<string, readonly ArgumentKind[]>> = {
  status: ['plugin'],
  list: ['plugin'],
  describe: ['plugin'],
  logs: ['plugin'],
  events: ['plugin'],
  call: ['plugin', 'method'],
  upgrade: ['plugin', 'version or file'],
  restart: ['plugin'],
  rollback: ['plugin'],
  promote: ['busy'],
  abort: ['busy'],
  pin: ['plugin', 'version'],
  unpin: ['pinned'],
  start: ['stopped'],
  stop: ['plugin'],
  doctor: ['plugin or file'],
  conform: ['file'],
  help: ['verb'],
};
