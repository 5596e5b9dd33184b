/** What every `JobStore` must do. Run against memory, SQLite, MariaDB and MySQL. */
import {queriesContract} from './job-store-queries.contract.ts';
import {storiesContract} from './job-store-stories.contract.ts';
import {registering, type ContractOptions, type OpenJobStore} from './job-store-world.ts';
import {writesContract} from './job-store-writes.contract.ts';

/** Registers the contract's tests under `name`. */
export function jobStoreContract(
  name: string,
  openStore: OpenJobStore,
  {isReal, isSerial = false}: ContractOptions,
): void {
  const it = registering(name, openStore, isSerial);
  writesContract(it);
  queriesContract(it);
  if (isReal) storiesContract(it);
}
