/**
 * Whose fault a failure is, as far as the facts say: who has to act.
 * `operator` is whoever configured or deployed, `caller` is the application's code.
 */
export type Fault = 'plugin' | 'host' | 'operator' | 'caller';

/** A row of the table below: whose fault, and what to do about it. */
export interface ErrorCodeEntry {
  readonly fault: Fault;
  readonly hint: string;
}

const entry = (fault: Fault, hint: string): ErrorCodeEntry => ({ fault, hint });

/**
 * Every code that a {@link PluginError} can carry. `docs/errors.md` explains each; a test holds the two
 * together. A code is never renamed once released.
 */
export const errorCodes = {
  // What the caller asked for.
  OPTIONS_INVALID: entry('caller', 'Correct the named option.'),
  NAME_TAKEN: entry('caller', 'Give the plugin another name, or upgrade the one that is loaded.'),
  DEPENDENCY_MISSING: entry('caller', 'Load the plugins that it depends on first, or together with it.'),
  DEPENDENCY_CYCLE: entry(
    'caller',
    'Take one of the dependencies in the ring away: none of them can be first.',
  ),
  BUSY: entry('caller', "Wait for the operation that is running, or pass ifBusy: 'wait'."),
  HOST_CLOSED: entry('caller', 'Create a new host; a closed one stays closed.'),
  PLUGIN_STOPPED: entry('caller', 'Load the plugin again; a stopped one stays stopped.'),
  ABORTED: entry('caller', 'The operation was given up before its end; ask again if it is still wanted.'),
  DESCRIPTORS_INVALID: entry(
    'caller',
    'Give the path or the bytes of a FileDescriptorSet with its imports, as `buf build -o x.binpb` writes it.',
  ),

  // The file that is to be run.
  COMMAND_NOT_FOUND: entry('operator', 'Check the path, or the PATH that a bare name is looked up in.'),
  COMMAND_IS_DIRECTORY: entry('operator', 'Give the executable inside the directory.'),
  COMMAND_NOT_EXECUTABLE: entry('operator', 'Make it executable: chmod +x.'),
  COMMAND_UNRUNNABLE: entry(
    'operator',
    'Give a program built for this system, or a script whose first line names its interpreter (#!).',
  ),
  WRONG_ARCHITECTURE: entry('operator', 'Build the plugin for the architecture of this machine.'),
  CHECKSUM_MISMATCH: entry(
    'operator',
    'The file is not the one that was approved: deploy it again or correct sha256.',
  ),
  SPAWN_FAILED: entry('operator', 'The operating system refused to start the process; the cause says why.'),

  // Versions of plugins on disk.
  MANIFEST_NOT_FOUND: entry(
    'operator',
    'Put plugin.yaml beside the executable, as the last file that is put there.',
  ),
  MANIFEST_INVALID: entry('operator', 'Correct the lines that are named.'),
  ARTIFACT_UNREADABLE: entry('operator', 'See to the named file or directory, or take it away.'),
  ARTIFACT_MISPLACED: entry(
    'operator',
    'Move the directory to <name>/<version> of its manifest, or correct the manifest.',
  ),
  ARTIFACT_CHANGED: entry(
    'operator',
    'Deploy the version again, or correct the sums in its manifest; if it was being written, try again.',
  ),
  PLATFORM_UNSUPPORTED: entry(
    'operator',
    'Deploy a build for this machine, and name its file in the command of the manifest.',
  ),
  REQUIREMENT_UNMET: entry(
    'operator',
    'Choose versions that fit each other; or widen the range that is too narrow.',
  ),
  REQUIREMENT_IMPOSSIBLE: entry(
    'operator',
    'Choose other versions of the plugins that ask for it: what they ask excludes each other.',
  ),
  VERSION_NOT_FOUND: entry('caller', 'Take a version that is on disk, or put this one there first.'),
  PLUGIN_PINNED: entry('caller', 'Unpin the plugin, or pin it to the version that is wanted.'),

  // The places that the host prepares.
  RUN_DIR_UNSAFE: entry(
    'operator',
    'Give a directory owned by this user, mode 0700, that is no symbolic link.',
  ),
  RUN_DIR_FULL: entry('operator', 'Free space there, or choose another run directory.'),
  SOCKET_PATH_TOO_LONG: entry('operator', 'Choose a run directory with a shorter path.'),
  SOCKET_GROUP_UNKNOWN: entry('operator', 'Name a group that exists on this machine, or give its number.'),
  LISTEN_FAILED: entry('operator', 'Free a port in the range, or widen it.'),
  SOCKET_IN_USE: entry('operator', 'Stop whoever listens there, or choose another path for the socket.'),
  SERVICE_TAKEN: entry('operator', 'Let one plugin alone name the service, or take its name away from both.'),
  MEMORY_SHORT: entry(
    'operator',
    "Free memory, raise the budget, or let the plugin be recreated instead (memory.ifShort: 'recreate').",
  ),
  CONFIG_UNREADABLE: entry(
    'operator',
    'See to the directory that the option config names: the cause says why.',
  ),
  PORT_IN_USE: entry(
    'operator',
    'Stop what listens there, give another number in ports, or raise stopTimeoutMs if it is about to leave.',
  ),

  // What a daemon is told.
  CONFIG_INVALID: entry('operator', 'Correct the lines that are named.'),
  CONFIG_FILE_UNREADABLE: entry('operator', 'Give the path of a config that this user may read.'),
  SECRET_UNREADABLE: entry('operator', 'Put the secret into a file of text that this user may read.'),
  SECRET_UNSAFE: entry(
    'operator',
    'Let nobody else read the file: chmod 600, and chown to the user of the daemon.',
  ),
  LOGS_UNUSABLE: entry(
    'operator',
    'Let the user of the daemon write to the directory of the log, or name another one; the cause says what is in the way.',
  ),
  DISK_FULL: entry('operator', 'Free space there; the daemon goes on by itself.'),

  // What the host keeps on disk.
  STATE_DIR_UNUSABLE: entry(
    'operator',
    'Give a directory that this user alone can write to and enter, or none that is there.',
  ),
  STATE_DIR_IN_USE: entry('operator', 'Give each host a state directory of its own.'),
  STATE_FORMAT_NEWER: entry(
    'operator',
    'A newer release wrote it: run that one, or give another state directory.',
  ),
  SNAPSHOT_NOT_FOUND: entry(
    'operator',
    'Its time was over, or newer ones took its place: choose one that is listed.',
  ),
  SNAPSHOT_CORRUPT: entry(
    'host',
    'Nothing of it is used. Take another snapshot, and see what else the disk has lost.',
  ),
  SNAPSHOT_NOT_KEPT: entry('operator', 'Free space there, or allow more; going back later may lose state.'),
  JOURNAL_FAILED: entry(
    'operator',
    'Free space in the state directory; the operation was not taken further.',
  ),
  JOURNAL_DAMAGED: entry(
    'host',
    'Look at what runs: an operation that was under way may have gone further than it says.',
  ),

  // From spawn to handshake.
  START_TIMEOUT: entry('plugin', 'See what it printed on stderr; raise startTimeoutMs if it is merely slow.'),
  EXITED_BEFORE_HANDSHAKE: entry('plugin', 'Its exit and the last lines of its stderr say why it left.'),
  COOKIE_REJECTED: entry('caller', 'Use the cookie that the plugin was built with (handshake.cookie).'),
  HANDSHAKE_UNREADABLE: entry(
    'plugin',
    'A plugin must print nothing on stdout before its handshake line: look for a banner or a log line.',
  ),
  HANDSHAKE_INCOMPLETE: entry(
    'plugin',
    'The handshake line must be written whole, with a line feed at its end.',
  ),
  HANDSHAKE_TOO_LONG: entry(
    'plugin',
    'A handshake line has at most 64 KiB: look for output that has no line feed.',
  ),
  CORE_VERSION_UNREADABLE: entry(
    'plugin',
    'The first field of the handshake line must be a whole number: look for output before the line.',
  ),
  CORE_VERSION_MISMATCH: entry('plugin', 'Recompile the plugin with a library that speaks core protocol 1.'),
  PROTOCOL_VERSION_UNREADABLE: entry(
    'plugin',
    'The second field of the handshake line must be a whole number.',
  ),
  PROTOCOL_VERSION_MISMATCH: entry(
    'operator',
    'Run a plugin that speaks a version the host offers, or offer its version in handshake.protocolVersions.',
  ),
  NETWORK_UNSUPPORTED: entry('plugin', 'The plugin must listen on a unix socket or on TCP.'),
  ADDRESS_INVALID: entry(
    'plugin',
    'The fourth field of the handshake line must be a socket path or 127.0.0.1:port.',
  ),
  ADDRESS_NOT_LOOPBACK: entry('plugin', 'The plugin must listen on a loopback address.'),
  PROTOCOL_UNSUPPORTED: entry('plugin', 'Serve the plugin over gRPC: net/rpc is Go only and not supported.'),
  CERTIFICATE_UNREADABLE: entry(
    'plugin',
    'The sixth field of the handshake line must be the unpadded base64 of a DER certificate.',
  ),
  CERTIFICATE_UNEXPECTED: entry(
    'operator',
    'The plugin was told to use TLS by somebody else: look for PLUGIN_CLIENT_CERT in its environment.',
  ),
  MULTIPLEX_UNSUPPORTED: entry(
    'operator',
    'Rebuild the plugin with a library that can multiplex, or load it without.',
  ),
  MULTIPLEX_UNREADABLE: entry('plugin', 'The seventh field of the handshake line must be true or false.'),
  AUTO_MTLS_UNSUPPORTED: entry(
    'operator',
    'Load it with autoMtls: false if plaintext on this machine is acceptable.',
  ),

  // From handshake to the first call.
  CONNECT_FAILED: entry('plugin', 'The plugin announced an address that nothing answers on.'),
  TLS_FAILED: entry('plugin', 'Plugin and host do not agree on TLS: check who holds which certificate.'),
  HEALTH_TIMEOUT: entry('plugin', 'The plugin accepted the connection but did not answer its health check.'),
  HEALTH_NOT_SERVING: entry('plugin', 'The plugin says of itself that it is not ready to serve.'),
  VERSION_MISMATCH: entry(
    'operator',
    'The plugin says it is another version than the one asked for: check the path.',
  ),
  CONTRACT_NOT_SERVED: entry(
    'operator',
    'The plugin lacks a service of the contract: check which build was deployed.',
  ),
  CONTRACT_BROKEN: entry(
    'operator',
    'Give the new version a contract that the old callers can go on with, or pass force: it is recorded.',
  ),
  CONTRACT_UNCHECKED: entry(
    'operator',
    'Give the descriptors of the contract when loading, or build the plugin with gRPC reflection.',
  ),
  VERIFY_FAILED: entry(
    'operator',
    'The check given as `verify` refused the new version; the cause says why.',
  ),
  MANIFEST_MISMATCH: entry(
    'operator',
    'Correct what the manifest says of the plugin, or see which build was deployed with it.',
  ),
  SMOKE_FAILED: entry(
    'plugin',
    'The version does not do what its manifest promises: see the call, and the log of the plugin.',
  ),
  EXPECTATION_MISSED: entry(
    'operator',
    'See the lines that were missed: find what the new version does otherwise, or expect less of it.',
  ),

  // A plugin at work.
  PLUGIN_EXITED: entry(
    'plugin',
    'Its exit and the last lines of its stderr say why it left; restart it, or load it again.',
  ),
  INSTANCE_LOST: entry(
    'plugin',
    'The plugin may have executed the call: make it again only if that does no harm, or say so in its contract.',
  ),
  STREAM_NOT_RESUMED: entry(
    'plugin',
    'Begin the stream anew. Each version has to understand the tokens of the one before, for as long as streams last.',
  ),
  CRASH_LOOP: entry(
    'plugin',
    'It crashed again and again: see the last lines of its stderr, then restart it, or upgrade it to a version that works.',
  ),
  PLUGIN_RESTARTING: entry(
    'plugin',
    'It is being started again: call later, or let calls wait (restart.hold).',
  ),
  PLUGIN_UNHEALTHY: entry(
    'plugin',
    'It did not answer its health checks, or said that it does not serve: see what blocks it.',
  ),
  LIMIT_EXCEEDED: entry('plugin', 'It used more than its limits allow: look for a leak, or raise the limit.'),
  DRAIN_TIMEOUT: entry(
    'caller',
    'The call outlived drainTimeoutMs: end streams when they are told to drain, or raise the limit.',
  ),
  ROUTE_CLOSED: entry('caller', 'The plugin was stopped: load it again before calling.'),
  ROUTE_EMPTY: entry('caller', 'Wait until load() has resolved before calling.'),
  CLIENT_CLOSED: entry('caller', 'Make a new stub; a closed one stays closed.'),
  HELD_TOO_LONG: entry(
    'host',
    'The plugin was not ready in time: call again; if it happens often, see what its upgrades wait for.',
  ),
  HELD_TOO_MANY: entry('caller', 'Too many calls wait for the plugin: call slower, or fail fast.'),
  STOP_FAILED: entry('host', 'A process could not be ended: look for it by its pid.'),
  ATTACH_FAILED: entry('caller', 'The process of the record is gone, or another one has its pid now.'),
  GUARDIAN_FAILED: entry('host', 'The helper that cleans up after a killed host could not be started.'),
  LEASE_TIMEOUT: entry('caller', 'Give leases back sooner, or raise max or the time that is waited.'),
  LEASE_REFUSED: entry('caller', 'The generation has left, or the pool was closed: it gets no more leases.'),

  // Further connections: the broker, and several connections over one.
  BROKER_TIMEOUT: entry(
    'plugin',
    'Serve an id on one side and dial it on the other within 5 seconds; an id that was announced can be dialled once.',
  ),
  BROKER_CLOSED: entry('caller', 'A broker ends with its instance: dial and serve on one that is at work.'),
  BROKER_UNSUPPORTED: entry(
    'operator',
    'The plugin offers no broker: rebuild it with a library that has one.',
  ),
  BROKER_ID_TAKEN: entry('caller', 'Serve each id once: let the broker choose it.'),
  BROKER_REFUSED: entry(
    'plugin',
    'Serve the id on the other side before, or at most 5 seconds after, it is dialled.',
  ),
  BROKER_ADDRESS_REFUSED: entry(
    'plugin',
    "A brokered server must listen on a loopback address, or on a unix socket in its instance's directory.",
  ),
  BROKER_PROTOCOL: entry(
    'plugin',
    'The two ends disagree on how connections are brokered: see which library the plugin was built with.',
  ),
  MULTIPLEX_CLOSED: entry(
    'host',
    'The one connection that carries the others has ended: the instance stops, or has stopped.',
  ),
  MULTIPLEX_PROTOCOL: entry(
    'plugin',
    'The two ends do not understand each other on the shared connection: see which library the plugin was built with.',
  ),
  MULTIPLEX_TIMEOUT: entry('plugin', 'The process is stopped, overloaded or stuck: see what it does.'),

  // Upgrades, restarts and rollbacks.
  STRATEGY_UNFIT: entry('caller', 'Leave the strategy out: what the plugin says of itself decides it.'),
  NOTHING_TO_ROLL_BACK: entry('caller', 'Upgrade to the version that is wanted, by its command.'),
  QUIESCE_TIMEOUT: entry(
    'plugin',
    'Say by idempotency_level which methods have no side effects, make the others shorter, or raise restart.hold.limitMs.',
  ),
  HANDOFF_FAILED: entry(
    'plugin',
    'The step and the code in `why` say where it failed; the old version goes on, with its state.',
  ),
  STATE_UNCHECKED: entry('plugin', 'Give its state `equal`, or write it in one schema.'),
  BAKE_FAILED: entry(
    'plugin',
    'The new version served, and did not last: what served before serves again. See what it did.',
  ),
  STEP_FAILED: entry(
    'host',
    'Nobody has foreseen that: tell of it, with the cause; the step says how far the operation had come.',
  ),
  CANARY_REFUSED: entry(
    'plugin',
    'The old version serves alone. The facts say which metric was worse, by which figures; find out why before the next try.',
  ),
  CANARY_INCONCLUSIVE: entry(
    'operator',
    'Too few calls came to judge it: give it more time (maxStepMs), a greater weight, or ask for fewer (minCalls).',
  ),
  STRATEGY_TIMEOUT: entry(
    'operator',
    'Give it more time with shiftTimeoutMs; its progress says what it waited for.',
  ),
  STRATEGY_FAILED: entry(
    'caller',
    'The strategy threw: the cause says where. What served before serves again.',
  ),
  SHADOW_DISAGREES: entry(
    'plugin',
    'See which answers differ; name fields that may differ in shadow.ignore.',
  ),
  SHADOW_INCONCLUSIVE: entry(
    'operator',
    'See what was skipped and why: allow more time or calls, or say what may be mirrored and what to ignore.',
  ),

  // State that one version hands to the next.
  STATE_SCHEMA_UNKNOWN: entry(
    'operator',
    'Give the version a migration from this schema, or go by way of a version that reads both.',
  ),
  STATE_INCOMPLETE: entry(
    'host',
    'The snapshot was cut short or changed on its way: take another, nothing of this one is used.',
  ),
  STATE_TOO_LARGE: entry(
    'plugin',
    'Keep less, or raise state.maxBytes in the version that is to take it over.',
  ),
  STATE_CODEC_FAILED: entry(
    'plugin',
    "See the plugin's log for where it threw: encode, decode, migrate and equal must take every state that a version writes.",
  ),
  STATE_DIFFERS: entry(
    'plugin',
    'The new version made something else of the state than it was given: look at its decode and migrate.',
  ),
  PLUGIN_PAUSED: entry(
    'plugin',
    'Its state is being handed over: call again, the plugin has not seen this call.',
  ),
  PAUSE_TIMEOUT: entry(
    'plugin',
    'Calls that may change the state, or its pause hooks, take too long: end them when it is to pause.',
  ),
  HANDOFF_HOOK_FAILED: entry('plugin', "See the plugin's log for what its hook threw, or what it waits for."),
  HANDOFF_ORDER: entry(
    'host',
    'Restore comes before Activate, Activate before Pause, and what is released must be declared.',
  ),

  // The daemon, and those who ask it.
  DAEMON_UNREACHABLE: entry(
    'operator',
    'Start the daemon with `plugd start`, or name the socket of the one that runs.',
  ),
  DAEMON_TOO_OLD: entry('operator', 'Start the daemon again with the release that asks it.'),
  FRONT_DOOR_MISSING: entry('operator', 'Take `frontDoor: false` out of its config, and start it again.'),
  DAEMON_START_FAILED: entry(
    'operator',
    'See what it says on stderr; `plugd start` without --background says all of it.',
  ),
  PLUGIN_NOT_FOUND: entry('caller', 'Take one of those that `plugd list` names.'),
  OPERATION_NOT_FOUND: entry('caller', 'See with `plugd describe` what has become of it.'),

  // Calls that are typed in.
  METHOD_NOT_FOUND: entry('caller', '`plugd describe` lists the services and methods of a plugin.'),
  SERVICE_PRIVATE: entry(
    'operator',
    "Name the service under services in the plugin's manifest, if others than the application may call it.",
  ),
  FRONT_DOOR_CLOSED: entry('operator', 'Give the daemon a front door: frontDoor in its config.'),
  REQUEST_INVALID: entry('caller', "Correct what is named; a request is a message in protobuf's JSON."),
  CALL_FAILED: entry('plugin', 'This is what the plugin answered.'),
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof errorCodes;
