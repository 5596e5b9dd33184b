/**
 * One authenticated pipe to one incarnation of a peer: whole frames, in order, none lost while it is open. What `ws` and
 * the transport in memory have in common; links are built on it, and know neither.
 */

/** Longer frames end the connection at the peer (1009), so `send` refuses them. Larger data goes by file and offset. */
export const frameBytesMax = 8 * 1024 * 1024;

export type PeerIdentity = {
  /** `host:port` of the node. */
  readonly instance: string;
  /** One life of its process. */
  readonly incarnation: string;
  readonly roles: readonly string[];
  /** Wire version that both speak. */
  readonly wireVersion: number;
};

export type CloseReason = {
  /** A WebSocket close code; 1006 when the connection just went away. */
  readonly code: number;
  readonly text: string;
};

export type ConnectionEvents = {
  /** The bytes are the receiver's from now on. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** `bufferedBytes` has fallen below the low mark. */
  readonly onDrain: () => void;
  /** Once, also after `close` and `terminate`. */
  readonly onClose: (reason: CloseReason) => void;
};

export type Connection = {
  readonly peer: PeerIdentity;
  /** Whether this side dialled. */
  readonly isDialler: boolean;
  /** Takes effect at once; frames that came before wait for the first listener. */
  readonly listen: (events: ConnectionEvents) => void;
  /**
   * Ignored after the close. That it returns says nothing of delivery. The bytes are the connection's from now on: the
   * caller changes them no more.
   * @throws RangeError for more than `frameBytesMax`.
   */
  readonly send: (frame: Uint8Array) => void;
  /** Bytes given to `send` that the operating system has not taken. */
  readonly bufferedBytes: () => number;
  readonly close: (code: number, text: string) => void;
  /** At once, without a goodbye: what a suspect connection gets. */
  readonly terminate: () => void;
};

export type Transport = {
  /**
   * Connects to `address` (`host:port`) and authenticates both sides. Rejects with `PeerGoneError` when the connection was
   * refused (nobody listens there: proof that the process is gone), otherwise with `LinkError`.
   */
  readonly dial: (address: string, signal: AbortSignal) => Promise<Connection>;
  /** Takes authenticated connections of others. Rejects when the port is taken. */
  readonly listen: (onConnection: (connection: Connection) => void) => Promise<TransportListener>;
};

export type TransportListener = {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
};
