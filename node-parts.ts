/** What a node opens first, side by side: the database's thread loads its modules while this one loads others. */
import {join} from 'node:path';
import type {Logger} from 'pino';
import {systemClock} from './actors/runtime/clock.ts';
import type {BootTree} from './boot-tree.ts';
import type {Config} from './config.ts';
import {firstPassword} from './first-administrator.ts';
import {openEngines} from './node-engine-driver.ts';
import {allOrNone} from './node-serving.ts';
import {openDatabase} from './persistence/database.ts';
import {openOutbox} from './persistence/outbox/outbox-file.ts';

export type PartsOptions = {
  readonly config: Config;
  readonly incarnation: string;
  readonly boot: BootTree;
  readonly log: Logger;
  /** Engines run elsewhere. */
  readonly hasDriver: boolean;
  readonly listens: boolean;
};

/** All of them, or none: what was opened is closed again when another fails. */
export async function openParts({config, incarnation, boot, log, hasDriver, listens}: PartsOptions) {
  const {dataDirectory, governance, node} = config;
  const has = (role: string): boolean => node.roles.includes(role);
  const [database, localDriver, outbox, password, facadeModule] = await allOrNone(
    [
      boot.step('database', () =>
        openDatabase({
          url: node.database,
          dataDirectory,
          clock: systemClock,
          log: (level, message) => log[level](message),
        }),
      ),
      boot.step('engine driver', () =>
        !hasDriver && has('ecm') ? openEngines(config, incarnation, log) : undefined,
      ),
      boot.step('outbox', () =>
        openOutbox({
          directory: join(dataDirectory, 'outbox'),
          outboxBytesMax: governance.outboxBytesMax,
          reserveBytes: governance.outboxReserveBytes,
          log,
        }),
      ),
      boot.step('first password', () => (has('gateway') ? firstPassword(config) : undefined)),
      boot.step('facade modules', () => (listens && has('gateway') ? import('./node-facade.ts') : undefined)),
    ],
    opened => opened?.close(),
  );
  return {database, localDriver, outbox, password, facadeModule};
}
