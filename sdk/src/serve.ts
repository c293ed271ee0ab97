import type { Duplex } from 'node:stream';
import { PLUGD_TOKEN, PLUGIN_CLIENT_CERT } from '@plugd/protocol/environment';
import { formatLogRecord } from '@plugd/protocol/log-record';
import { PluginError } from '@plugd/protocol/plugin-error';
import { brokerWays } from './broker/broker-ways';
import type { OneConnection } from './broker/one-connection';
import { agreeOnVersion, handshakeLine, wantsMultiplexing } from './handshake';
import { createLogger, errorFields } from './logger';
import type { Listener } from './net/listener';
import { servingCredentials } from './net/serving-credentials';
import { listenOnTcp } from './net/tcp-listener';
import { listenOnUnix } from './net/unix-listener';
import { checkPlugin, type Plugin } from './plugin';
import { PluginServer } from './plugin-server';
import { cookieRefusal } from './process/cookie';
import { handleCrashes } from './process/crash';
import { PLUGD_EXIT_WITH_PARENT, watchParent } from './process/parent-watch';
import { handleSignals } from './process/signals';
import { debugVersion, reattachLine } from './reattach';
import { type ResolvedServeOptions, resolveServeOptions, type ServeOptions } from './serve-options';
import { type Capture, captureOutput } from './stdio/capture';
import { FdWriter } from './stdio/fd-writer';

/** A host that does not take the line in this time is not there. */
const HANDSHAKE_WRITE_MS = 10_000;
/** For the answers of the last calls to arrive. */
const CLOSE_MS = 250;

/**
 * Serves the plugin to the host that started this process; the last thing that a plugin's main file does.
 *
 * Resolves once the host has been told where the plugin listens. The process ends by itself: when the host
 * asks for it, on SIGTERM, or when the host is gone. Where no host started it, it says so and exits with
 * code 1; so it does when setup throws.
 * @throws PluginError OPTIONS_INVALID
 */
export async function serve(plugin: Plugin, options: ServeOptions = {}): Promise<void> {
  checkPlugin(plugin);
  const resolved = resolveServeOptions(options, process.platform, process.env);
  const refusal = resolved.debug ? undefined : cookieRefusal(plugin.handshake.cookie, process.env);
  if (refusal !== undefined) {
    new FdWriter(2).write(refusal);
    process.exit(1);
  }
  await new PluginProcess(plugin, resolved, captureOutput()).start();
}

/** A plugin that is a process of its own. */
class PluginProcess {
  readonly #log;
  #server: PluginServer | undefined;
  #listener: Listener | undefined;
  #connection: OneConnection | undefined;
  #leaving = false;

  constructor(
    private readonly plugin: Plugin,
    private readonly options: ResolvedServeOptions,
    private readonly output: Capture,
  ) {
    this.#log = createLogger(plugin.name, (record) => output.stderr.write(formatLogRecord(record)));
  }

  async start(): Promise<void> {
    handleCrashes(this.#log);
    const { debug, exitWithParent } = this.options;
    handleSignals(this.#log, (why) => void this.#leave(why), { interruptible: debug });
    if (exitWithParent && !debug && process.env[PLUGD_EXIT_WITH_PARENT] !== '0') {
      watchParent(() => void this.#leave('the host has gone'));
    }
    try {
      await this.#introduce();
    } catch (error) {
      this.#log.error('plugin init error', errorFields(error));
      // What setup has opened its hooks may close.
      await this.#server?.depart('the start has failed');
      process.exit(1);
    }
    this.output.handshakeDone();
  }

  async #introduce(): Promise<void> {
    const { plugin, options, output } = this;
    const { env } = process;
    const agree = options.debug ? debugVersion : agreeOnVersion;
    const protocolVersion = agree(plugin.handshake.protocolVersions, env, (text) =>
      output.stderr.write(text),
    );
    const server = await PluginServer.setUp({
      plugin,
      protocolVersion,
      log: this.#log,
      hub: output.hub,
      shutdownGraceMs: options.shutdownGraceMs,
      shutdownTimeoutMs: options.shutdownTimeoutMs,
      onLeave: () => void this.#exit(),
    });
    this.#server = server;
    await server.begin(!options.debug && env[PLUGD_TOKEN] ? 'told-or-called' : 'now');
    const { credentials, certificateField, security } = servingCredentials({
      tls: options.tls,
      hostCertificatePem: env[PLUGIN_CLIENT_CERT] ?? '',
      curve: options.certificateCurve,
    });
    const listen = options.network === 'unix' ? listenOnUnix : listenOnTcp;
    const accept = server.accept(credentials);
    const connection = !options.debug && wantsMultiplexing(env) ? this.#oneConnection(accept) : undefined;
    this.#connection = connection;
    if (security === 'one-sided') server.broker.expectNoMore(notForBothSides());
    else {
      const pair = security === 'none' ? undefined : security;
      server.broker.connectBy(() => brokerWays(env, pair, connection?.router));
    }
    const listener = await listen(
      env,
      connection === undefined ? accept : (socket) => connection.accept(socket),
    );
    this.#listener = listener;
    this.#log.debug('plugin address', { network: listener.network, address: listener.address });
    const say = options.debug ? reattachLine : handshakeLine;
    output.stdout.write(say({ protocolVersion, listener, certificateField, env }));
    if (!output.stdout.flush(HANDSHAKE_WRITE_MS))
      throw new Error('The host does not take the handshake line.');
    connection?.expect(listener);
  }

  async #leave(why: string, code = 0): Promise<void> {
    await this.#server?.depart(why);
    await this.#exit(code);
  }

  #oneConnection(accept: (stream: Duplex) => void): OneConnection {
    // Few hosts ask for it: not loaded at the start of every plugin.
    const { OneConnection }: typeof import('./broker/one-connection') = require('./broker/one-connection');
    return new OneConnection({
      onMain: accept,
      onLate: () => {
        this.#log.error('timed out waiting for connection to be established');
        void this.#leave('no host has connected', 1);
      },
      onEnd: (reason) => {
        this.#log.debug('the connection has ended', { reason: reason.message });
        void this.#leave('the host has closed the connection');
      },
    });
  }

  async #exit(code = 0): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#listener?.close();
    await this.#server?.close(CLOSE_MS);
    this.#connection?.close();
    process.exit(code);
  }
}

function notForBothSides(): PluginError {
  return new PluginError(
    'OPTIONS_INVALID',
    'A plugin with TLS of its own has a broker only with clientCaPem.',
    {
      facts: { option: 'tls.clientCaPem' },
    },
  );
}
