import type { PluginContext } from './context';
import { check } from './option-check';
import { checkResources, type Resources } from './state/resources';
import { checkState, type StateDefinition } from './state/state-definition';

/**
 * What a plugin author writes.
 *
 * @typeParam State what `state` describes
 */
export interface PluginDefinition<State = unknown> {
  /** The plugin's name, in its log records and for the host. */
  readonly name: string;
  /** Semantic version of the plugin's code, for example `1.4.0`. A host compares it with the one it asked for. */
  readonly version: string;
  readonly handshake: {
    /**
     * Name and value of the environment variable that tells the plugin that a host started it. It is no
     * secret: it only keeps people from running the plugin by hand.
     */
    readonly cookie: readonly [name: string, value: string];
    /** The versions of its contract that the plugin speaks; the highest that the host offers too is chosen. */
    readonly protocolVersions: readonly number[];
  };
  /**
   * Path or bytes of a FileDescriptorSet with its imports, as `buf build -o x.binpb` writes it: then
   * reflection can describe the plugin's services. Without it reflection lists them by name only. It is
   * read at the first reflection request.
   */
  readonly descriptors?: string | Uint8Array;
  /** The state that a new version takes over from the old one. Default: none; then versions overlap for a moment. */
  readonly state?: StateDefinition<State>;
  /** What the plugin holds beside memory, as far as it matters to an upgrade, by name. Default: nothing. */
  readonly resources?: Resources;
  /** It can't run twice at the same time, not even for the time of an upgrade. Default: false. */
  readonly single?: boolean;
  /**
   * Runs once, after the protocol version has been agreed on and before any call: register the services
   * here. A throw ends the plugin with exit code 1, before the handshake.
   */
  setup(ctx: PluginContext<State>): void | Promise<void>;
}

const brand = Symbol.for('plugd.Plugin');

/** A checked {@link PluginDefinition}, ready for `serve` and for `startPlugin`. */
export type Plugin = PluginDefinition & { readonly [brand]: true };

// The grammar of Semantic Versioning 2.0.0.
const SEMANTIC_VERSION =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

/**
 * Checks a plugin and makes it ready to be served or tested.
 *
 * An empty cookie is let through: `serve` refuses it in the words of go-plugin.
 * @throws PluginError OPTIONS_INVALID
 */
export function definePlugin<State = unknown>(definition: PluginDefinition<State>): Plugin {
  const { name, version, handshake, descriptors } = definition;
  check(isText(name), 'name', 'a text that is not empty');
  check(isText(version) && SEMANTIC_VERSION.test(version), 'version', 'a semantic version such as 1.4.0');
  const [cookieName, cookieValue, ...more] = handshake?.cookie ?? [];
  check(
    typeof cookieName === 'string' && typeof cookieValue === 'string' && more.length === 0,
    'handshake.cookie',
    'a pair of name and value',
  );
  const versions = handshake.protocolVersions;
  check(
    Array.isArray(versions) &&
      versions.length > 0 &&
      versions.every((one) => Number.isSafeInteger(one) && one >= 0),
    'handshake.protocolVersions',
    'a list of at least one whole number',
  );
  check(
    descriptors === undefined || isText(descriptors) || descriptors instanceof Uint8Array,
    'descriptors',
    'the path or the bytes of a FileDescriptorSet',
  );
  checkState(definition.state);
  checkResources(definition.resources);
  check(['boolean', 'undefined'].includes(typeof definition.single), 'single', 'true or false');
  check(typeof definition.setup === 'function', 'setup', 'a function');
  const own: PluginDefinition = definition;
  return Object.freeze({
    ...own,
    handshake: { cookie: [cookieName, cookieValue] as const, protocolVersions: [...versions] },
    ...(own.resources === undefined ? {} : { resources: { ...own.resources } }),
    // Kept as a method of the caller's object, which may be an instance of a class.
    setup: (ctx: PluginContext) => own.setup(ctx),
    [brand]: true as const,
  });
}

/** @throws PluginError OPTIONS_INVALID */
export function checkPlugin(plugin: Plugin): void {
  check(plugin?.[brand] === true, 'plugin', 'what definePlugin returns');
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
