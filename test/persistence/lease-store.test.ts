import {DatabaseSync} from 'node:sqlite';
import {join} from 'node:path';
import {createMemoryLeases} from '../support/memory-leases.ts';
import {freshDatabaseAt} from './database-fixture.ts';
import {leaseStoreContract} from './lease-store.contract.ts';

leaseStoreContract('memory', async () => {
  const leases = createMemoryLeases();
  return {leases, expire: leases.expire};
});

leaseStoreContract('SQLite', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  return {
    leases: database.leases,
    expire(name) {
      const file = new DatabaseSync(join(directory, 'tenon.db'));
      file
        .prepare('update linkis_ps_common_lock set update_time = update_time - 12000 where lock_object = ?')
        .run(name);
      file.close();
    },
  };
});
