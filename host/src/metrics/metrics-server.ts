import { createServer, type Server, type ServerResponse } from 'node:http';
import { PluginError } from '@plugd/protocol/plugin-error';
import { reasonOf, systemFacts } from '../artifact/system-error';
import { type DoorPlace, listenAt } from '../front-door/door-place';

/** A unix socket, or a port; 0: a free one. `address`: default 127.0.0.1. */
export type MetricsPlace = { readonly socket: string } | { readonly port: number; readonly address?: string };

/** What is served. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<Buffer>;
}

const mostConnections = 64;
/** For a request to come, and an answer to be taken. */
const patienceMs = 10_000;

/** Answers `GET /metrics`, for everybody who can connect: there are no secrets in it, and no passwords. */
export class MetricsServer {
  readonly #server: Server;
  readonly #place: DoorPlace;

  private constructor(server: Server, place: DoorPlace) {
    this.#server = server;
    this.#place = place;
  }

  /**
   * @param onFailure told why the text could not be put together, once until it can be again; whoever asked is not
   *
   * Throws PluginError SOCKET_PATH_TOO_LONG, SOCKET_IN_USE, LISTEN_FAILED.
   */
  static async open(
    metrics: MetricsText,
    where: MetricsPlace,
    onFailure: (error: unknown) => void,
  ): Promise<MetricsServer> {
    let failing = false;
    const text = async (): Promise<Buffer> => {
      try {
        const body = await metrics.text();
        failing = false;
        return body;
      } catch (error) {
        if (!failing) onFailure(error);
        failing = true;
        throw error;
      }
    };
    const server = createServer({
      maxHeaderSize: 8 * 1024,
      headersTimeout: patienceMs,
      requestTimeout: patienceMs,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 2_000,
    });
    server.maxConnections = mostConnections;
    server.on('request', ({ method = '', url = '' }, response) => {
      // Who doesn't read is left.
      response.setTimeout(patienceMs, () => response.destroy());
      void answer({ contentType: metrics.contentType, text }, method, url, response);
    });
    return new MetricsServer(server, await listen(server, where));
  }

  /** `unix:/path`, or `http://host:port/metrics`. */
  get target(): string {
    const { network, address } = this.#place;
    return network === 'unix' ? `unix:${address}` : `http://${address}/metrics`;
  }

  /** May be called again. */
  async close(): Promise<void> {
    this.#place.remove();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

async function answer(
  metrics: MetricsText,
  method: string,
  url: string,
  response: ServerResponse,
): Promise<void> {
  const [path] = url.split('?', 1);
  if (path !== '/metrics') return refuse(response, 404, 'There is only /metrics here.');
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return refuse(response, 405, 'Metrics can be read only.');
  }
  try {
    const body = await metrics.text();
    response.writeHead(200, { 'content-type': metrics.contentType, 'content-length': body.length });
    response.end(method === 'HEAD' ? undefined : body);
  } catch {
    // The daemon's log says why.
    refuse(response, 500, 'The metrics could not be put together.');
  }
}

function refuse(response: ServerResponse, code: number, why: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${why}\n`);
}

async function listen(server: Server, where: MetricsPlace): Promise<DoorPlace> {
  if ('socket' in where) return listenAt(server, where);
  const { port, address: host = '127.0.0.1' } = where;
  await new Promise<void>((resolve, reject) => {
    // Later ones are told to nobody: the next connection may be taken again.
    server.on('error', (cause) => reject(failed(host, port, cause)));
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw failed(host, port, undefined);
  const shown = host.includes(':') ? `[${host}]` : host;
  return { network: 'tcp', address: `${shown}:${address.port}`, remove: () => {} };
}

function failed(host: string, port: number, cause: unknown): PluginError {
  const why = cause === undefined ? '' : `: ${reasonOf(cause)}`;
  return new PluginError('LISTEN_FAILED', `Metrics can't be served at ${host}:${port}${why}.`, {
    facts: { address: host, port, ...systemFacts(cause) },
    ...(cause === undefined ? {} : { cause }),
    hint: 'Choose another port or address.',
  });
}
