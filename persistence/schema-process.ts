/**
 * A program that brings the SQLite file it is given up to date, and ends. In a process of its own, because MikroORM's
 * memory would stay otherwise, 30 MB that an idle node has no use for; ending a thread does not give it back. Started by
 * `sqlite-schema.ts`; when it fails, the failure stands on its standard output.
 */
import {systemClock} from '../actors/runtime/clock.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import {migrateSqlite} from './sqlite-migration.ts';
import {packFailure} from './worker-failure.ts';
import {toSqliteFailure} from './sqlite-failure.ts';

const file = process.argv[2] ?? '';
try {
  await migrateSqlite(file, {clock: systemClock, random: systemRandom});
} catch (error) {
  process.stdout.write(JSON.stringify(packFailure(toSqliteFailure(error, file))));
  process.exitCode = 1;
}
