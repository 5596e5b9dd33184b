import {createMemoryJobStore} from '../support/memory-store.ts';
import {freshDatabase} from './database-fixture.ts';
import {jobStoreContract} from './job-store.contract.ts';

jobStoreContract('memory', async () => createMemoryJobStore(), {isReal: false});
jobStoreContract('SQLite', async t => (await freshDatabase(t)).jobs, {isReal: true});
