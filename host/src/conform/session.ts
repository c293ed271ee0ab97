import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Channel, connectivityState } from '@grpc/grpc-js';
import { Broker } from '@plugd/protocol/broker/broker';
import { createCertificateInPool, decodeCertificateField } from '@plugd/protocol/certificate';
import { parseTcpAddress } from '@plugd/protocol/grpc-address';
import { type ChannelAddress, openChannel } from '../connection/channel';
import { MultiplexedWire } from '../connection/multiplexed-wire';
import type { KeyedCertificate } from '../launch/instance-record';
import { BrokerLine } from './broker-line';
import { addressFields, type Laboratory } from './laboratory';
import type { FirstLine, Probe } from './probe';
import { type Mode, multiplexed, withTls } from './rule';

/** One process of the plugin in one mode, from its handshake line on. */
export class Session {
  readonly mode: Mode;
  readonly laboratory: Laboratory;
  readonly probe: Probe;
  readonly first: FirstLine;
  /** Of the first line, as they stand there. */
  readonly fields: readonly string[];
  /** The host's; null without AutoMTLS. */
  readonly certificate: KeyedCertificate | null;
  /** Calls that stay open as long as the session. */
  readonly ended = new AbortController();
  /** Whether {@link channel} was connected once. */
  connected = false;
  #wire: MultiplexedWire | undefined;
  #channel: Channel | undefined;
  #line: BrokerLine | undefined;
  #broker: Broker | undefined;

  private constructor(about: Pick<Session, 'mode' | 'laboratory' | 'probe' | 'first' | 'certificate'>) {
    this.mode = about.mode;
    this.laboratory = about.laboratory;
    this.probe = about.probe;
    this.first = about.first;
    this.certificate = about.certificate;
    this.fields = about.first.kind === 'line' ? about.first.text.trim().split('|') : [];
  }

  static async start(laboratory: Laboratory, mode: Mode): Promise<Session> {
    const certificate = withTls(mode) ? await createCertificateInPool({ curve: 'P-521' }) : null;
    const probe = await laboratory.start({
      multiplex: multiplexed(mode),
      ...(certificate === null ? {} : { certificatePem: certificate.certificatePem }),
    });
    const first = await probe.firstLine(laboratory.plugin.timeoutMs);
    return new Session({ mode, laboratory, probe, first, certificate });
  }

  get limitMs(): number {
    return this.laboratory.plugin.timeoutMs;
  }

  get target(): ChannelAddress {
    return { network: this.fields[2] === 'tcp' ? 'tcp' : 'unix', address: this.fields[3] ?? '' };
  }

  /** The certificate of the line as PEM. Throws PluginError CERTIFICATE_UNREADABLE. */
  get pluginPem(): string {
    return decodeCertificateField(this.fields[5] ?? '');
  }

  /** A connection to the plugin's server as it stands: no TLS yet, nothing sent. */
  async dial(): Promise<Duplex> {
    if (multiplexed(this.mode)) return (await this.#connectWire()).router.openMain();
    const { network, address } = this.target;
    return network === 'unix' ? connect(address) : connect(parseTcpAddress(address));
  }

  async #connectWire(): Promise<MultiplexedWire> {
    this.#wire ??= await MultiplexedWire.connect(this.target, this.probe.directory);
    return this.#wire;
  }

  /** Connects the channel on which all calls are made; says why where that can't be done. */
  async connect(): Promise<string | undefined> {
    this.#channel = await this.#open();
    const why = await becomeReady(this.#channel, this.limitMs);
    this.connected = why === undefined;
    return why;
  }

  /** Runs a task with a connection of its own; with multiplexing that is another stream. */
  async besides<T>(task: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#open();
    try {
      return await task(channel);
    } finally {
      channel.close();
    }
  }

  async #open(): Promise<Channel> {
    const target = multiplexed(this.mode) ? (await this.#connectWire()).address : this.target;
    const { certificate: own } = this;
    if (own === null) return openChannel(target, undefined);
    return openChannel(target, { ca: this.pluginPem, certificate: own.certificatePem, key: own.keyPem });
  }

  /** The broker's stream, opened at the first call. */
  openBroker(): BrokerLine {
    this.#line ??= new BrokerLine(this.channel);
    return this.#line;
  }

  /** The host's broker on the stream, for who has done with the bare stream. */
  brokerOn(line: BrokerLine): Broker {
    const { certificate: own } = this;
    this.#broker ??= new Broker({
      stream: line,
      directory: this.probe.directory,
      ...(own === null ? {} : { security: { ...own, peerCertificatePem: this.pluginPem } }),
      ...(this.#wire === undefined ? {} : { multiplex: this.#wire.router }),
    });
    return this.#broker;
  }

  get channel(): Channel {
    if (this.#channel === undefined) throw new Error('The session is not connected.');
    return this.#channel;
  }

  /** What a host ends first. */
  endBroker(): void {
    this.#broker?.close();
    this.#line?.end();
  }

  async end(): Promise<void> {
    this.ended.abort();
    this.endBroker();
    this.#channel?.close();
    this.#wire?.close();
    // Of what it has printed by now: a line that came too late tells of a socket too.
    await this.laboratory.end(this.probe, addressFields(this.probe.stdoutHead));
  }
}

async function becomeReady(channel: Channel, limitMs: number): Promise<string | undefined> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return undefined;
    // It would try again by itself; but who prints the line listens already.
    if (state === connectivityState.TRANSIENT_FAILURE) return 'the attempt to connect failed';
    const error = await new Promise<Error | undefined>((resolve) => {
      channel.watchConnectivityState(state, deadline, resolve);
    });
    if (error !== undefined) return `no HTTP/2 connection within ${limitMs} ms`;
  }
}
