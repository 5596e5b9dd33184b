import {accountStoreContract} from './account-store.contract.ts';
import {freshDatabase} from './database-fixture.ts';

accountStoreContract('SQLite', async t => (await freshDatabase(t)).accounts);
