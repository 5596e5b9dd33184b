/** A fresh embedded database for one test, closed and removed after it. */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {openDatabase, type Database, type DatabaseOptions} from '../../persistence/database.ts';

export async function freshDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-test-'));
  t.teardown(() => rm(directory, {recursive: true, force: true}));
  return directory;
}

export async function openFixture(
  t: ExecutionContext,
  options: Partial<DatabaseOptions> & {readonly dataDirectory: string},
): Promise<Database> {
  const database = await openDatabase({
    url: 'sqlite:tenon.db',
    log: (_level, message) => t.log(message),
    clock: systemClock,
    ...options,
  });
  t.teardown(() => database.close());
  return database;
}

/** A file with the present schema, made once: bringing a schema up to date loads MikroORM, which takes long when many do. */
const template = (async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-test-template-'));
  const database = await openDatabase({
    url: 'sqlite:tenon.db',
    dataDirectory: directory,
    log: () => undefined,
    clock: systemClock,
  });
  await database.close();
  const bytes = await readFile(join(directory, 'tenon.db'));
  await rm(directory, {recursive: true});
  return bytes;
})();

export async function freshDatabaseAt(
  t: ExecutionContext,
  options: Partial<DatabaseOptions> = {},
): Promise<{readonly database: Database; readonly directory: string}> {
  const directory = await freshDirectory(t);
  await writeFile(join(directory, 'tenon.db'), await template);
  return {database: await openFixture(t, {dataDirectory: directory, ...options}), directory};
}

export const freshDatabase = async (
  t: ExecutionContext,
  options: Partial<DatabaseOptions> = {},
): Promise<Database> => (await freshDatabaseAt(t, options)).database;
