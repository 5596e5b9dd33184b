/** Listens on an engine's socket. Any number may knock, one at a time is the owner: the last that proved the secret. */
import {chmodSync, rmSync} from 'node:fs';
import {createServer, type Server} from 'node:net';
import {OwnerConnection, type ConnectionHost} from './owner-connection.ts';

const strangersMax = 16;
const connectionsMax = 64;

export type ServedHost = Pick<
  ConnectionHost,
  'engineId' | 'secret' | 'windowBytes' | 'clock' | 'claim' | 'request'
> & {
  readonly socketPath: string;
  /** There is an owner where there was none, or none any more, or another. */
  readonly ownerChanged: () => void;
  readonly connectionClosed: () => void;
};

export class OwnerServer {
  readonly #host: ServedHost;
  readonly #server: Server;
  readonly #connections = new Set<OwnerConnection>();
  #owner: OwnerConnection | undefined;

  constructor(host: ServedHost) {
    this.#host = host;
    const connectionHost: ConnectionHost = {
      ...host,
      attached: connection => this.#attach(connection),
      detached: connection => this.#detach(connection),
      closed: connection => {
        this.#connections.delete(connection);
        host.connectionClosed();
      },
    };
    // Half open: what is left to say is said after the peer has closed its side.
    this.#server = createServer({allowHalfOpen: true}, socket => {
      if (this.#connections.size > connectionsMax) {
        socket.destroy();
        return;
      }
      const connection = new OwnerConnection(socket, connectionHost);
      this.#connections.add(connection);
      const strangers = this.#connections.size - (this.#owner === undefined ? 0 : 1);
      if (strangers > strangersMax) {
        connection.refuse('tooManyConnections', 'Too many connections that have not proved the secret.');
      }
    });
  }

  get owner(): OwnerConnection | undefined {
    return this.#owner;
  }

  get isQuiet(): boolean {
    return this.#connections.size === 0;
  }

  async listen(): Promise<void> {
    const {socketPath} = this.#host;
    rmSync(socketPath, {force: true});
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(socketPath, resolve);
    await promise;
    chmodSync(socketPath, 0o600);
  }

  /** No new connections; the present ones are finished. */
  close(): void {
    this.#server.close();
    rmSync(this.#host.socketPath, {force: true});
    for (const connection of this.#connections) connection.finish();
  }

  #attach(connection: OwnerConnection): void {
    const former = this.#owner;
    this.#owner = connection;
    if (former !== undefined && former !== connection) {
      former.notice({type: 'displaced'});
      former.finish();
    }
    this.#host.ownerChanged();
  }

  #detach(connection: OwnerConnection): void {
    if (this.#owner !== connection) return;
    this.#owner = undefined;
    this.#host.ownerChanged();
  }
}
