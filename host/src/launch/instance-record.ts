/** A certificate with its private key, both PEM. */
export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/**
 * One running plugin process as plain data: whoever holds the record can attach to the process without having
 * started it. It survives JSON; it contains a private key and the token, so it is to be kept as a secret.
 */
export interface InstanceRecord {
  /** Unique within the host that started it. */
  readonly id: string;
  /** The plugin's name in the host. */
  readonly plugin: string;
  readonly version: string;
  readonly generation: number;
  readonly pid: number;
  /**
   * When the process began, in the platform's own form (Linux: clock ticks since boot). A pid means this process
   * only together with it. Null where the platform can't tell; such a record can't be attached to.
   */
  readonly startTime: string | null;
  /** Its process group, where the platform has them. */
  readonly group: number | null;
  /** Random text in the environment of the process and all that descend from it. */
  readonly token: string;
  readonly network: 'unix' | 'tcp';
  /** Socket path, or `host:port` on loopback. */
  readonly address: string;
  /** The instance's own directory; removed when it stops. */
  readonly directory: string;
  /** Where the process makes temporary files, if the application gave it a place of its own for them (TMPDIR). */
  readonly temporaryDirectory?: string;
  /** The host's half of AutoMTLS; null without it. */
  readonly hostCertificate: KeyedCertificate | null;
  /** The plugin's half of AutoMTLS; null without it. */
  readonly pluginCertificatePem: string | null;
  readonly coreVersion: number;
  /** The application protocol version that the plugin chose. */
  readonly protocolVersion: number;
  readonly protocol: 'grpc';
  /**
   * For a process that no host started, attached to by its line: whether it is asked to leave in the end, or left
   * running. It is never signalled in either case.
   */
  readonly foreign?: 'ask' | 'leave';
  readonly capabilities: { readonly multiplex: boolean };
  /** The copy of its configuration that it was given; it may not be the only one with it. */
  readonly configDirectory?: string;
  /** The ports that it was told to listen on, by their names. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Reserved for the broker's book. */
  readonly broker: readonly never[];
  /** Wall clock, milliseconds since the epoch. */
  readonly startedAt: number;
}
