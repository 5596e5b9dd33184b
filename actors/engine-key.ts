/** For whom an engine is: it is never given to a job of another user, creator or tenant (G9). */
import type {JobSpec} from './domain/job.ts';
import type {EngineHandle} from './ports.ts';

export type EngineKey = {
  /** Without version. */
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  /** Empty: none. */
  readonly tenant: string;
  /** `host:port` of the ECM that the label `emInstance` asks for; empty: any. */
  readonly pin: string;
};

export const printEngineKey = ({engineType, user, creator, tenant, pin}: EngineKey): string =>
  `${engineType}\n${user}\n${creator}\n${tenant}\n${pin}`;

/** The label's text is `linkis-cg-engineconnmanager-host:port`, or the address alone. */
const pinPattern = /(?:^|-)((?:[a-z0-9.]|-(?=[a-z0-9.-]*:))+:\d+|\[[0-9a-f:.]+\]:\d+)$/i;

export function engineKeyOf({engineType, executeUser, creator, tenant, labels}: JobSpec): EngineKey {
  const wanted = labels['emInstance'] ?? '';
  return {
    engineType: engineType.type,
    user: executeUser,
    creator,
    tenant,
    pin: wanted.replace(/^linkis-cg-engineconnmanager-/, '').match(pinPattern)?.[1] ?? '',
  };
}

/** Of an engine that was found: where it is asked to be is not known any more. */
export const keyOfHandle = (
  {engineType, user, creator}: Pick<EngineHandle, 'engineType' | 'user' | 'creator'>,
  tenant: string,
): EngineKey => ({engineType, user, creator, tenant, pin: ''});
