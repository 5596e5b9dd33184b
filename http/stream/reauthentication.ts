/**
 * Ends sockets whose session or token is not valid any more. Sockets of one credential are checked together, and at
 * most `checksPerRoundMax` credentials a round, the longest unchecked first: thousands of sockets do not become
 * thousands of questions a second.
 */
import type {IncomingMessage} from 'node:http';
import type {Caller} from '../../actors/governance.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {closeCodes, type ClientSocket} from './client-socket.ts';

type Credential = {readonly sockets: Set<ClientSocket>; checkedAtMs: number};

const checksPerRoundMax = 500;

/** Sockets with the same key are the same caller's, from the same place, by the same right. */
function credentialsOf({request: {headers}, caller}: ClientSocket): string {
  const {cookie, authorization} = headers;
  return JSON.stringify([
    caller?.user,
    caller?.address,
    cookie,
    authorization,
    headers['token-user'],
    headers['token-code'],
  ]);
}

export class Reauthentication {
  readonly #authenticate: (request: IncomingMessage) => Promise<Caller | undefined>;
  readonly #clock: Clock;
  readonly #everyMs: number;
  /** In the order of their last check. */
  readonly #credentials = new Map<string, Credential>();

  constructor(
    authenticate: (request: IncomingMessage) => Promise<Caller | undefined>,
    clock: Clock,
    everyMs: number,
  ) {
    this.#authenticate = authenticate;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  add(socket: ClientSocket): void {
    if (socket.caller === undefined) return;
    const key = credentialsOf(socket);
    const known = this.#credentials.get(key);
    if (known !== undefined) known.sockets.add(socket);
    else this.#credentials.set(key, {sockets: new Set([socket]), checkedAtMs: this.#clock.monotonicMs()});
  }

  remove(socket: ClientSocket): void {
    const key = credentialsOf(socket);
    const credential = this.#credentials.get(key);
    credential?.sockets.delete(socket);
    if (credential?.sockets.size === 0) this.#credentials.delete(key);
  }

  /** One round; what it finds out, it does when the answers come. */
  check(): void {
    const nowMs = this.#clock.monotonicMs();
    const due: [string, Credential][] = [];
    for (const entry of this.#credentials) {
      if (due.length >= checksPerRoundMax || nowMs - entry[1].checkedAtMs < this.#everyMs) break;
      due.push(entry);
    }
    for (const [key, credential] of due) {
      credential.checkedAtMs = nowMs;
      this.#credentials.delete(key);
      this.#credentials.set(key, credential);
      void this.#checkOne(credential);
    }
  }

  async #checkOne({sockets}: Credential): Promise<void> {
    const [first] = sockets;
    if (first === undefined) return;
    let caller: Caller | undefined;
    try {
      caller = await this.#authenticate(first.request);
    } catch {
      // The database is away: nobody knows better than the last answer, and the next round asks again.
      return;
    }
    for (const socket of sockets) {
      if (caller?.user === socket.caller?.user && caller?.isAdmin === socket.caller?.isAdmin) continue;
      socket.close(
        closeCodes.notLoggedIn,
        'Your login has ended. Log in, reconnect, and subscribe with the next line.',
      );
    }
  }
}
