import type { Logger } from '@plugd/host';

/** Counts what plugins print, read or thrown away. */
export class OutputMeter {
  readonly logger: Logger;
  bytes = 0;

  constructor() {
    const count = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      const dropped = fields['bytes'];
      this.bytes += typeof dropped === 'number' ? dropped : message.length;
    };
    this.logger = { trace: count, debug: count, info: count, warn: count, error: count };
  }
}
