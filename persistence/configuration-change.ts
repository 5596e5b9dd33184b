/** What every change of the configuration begins with, and the labels that all of it hangs on. */
import {integerOf} from './sql-row.ts';
import {DuplicateKeyError, type SqlSession, type SqlStatements} from './sql-session.ts';

/** Row of `tenon_id_block`: the configuration's number, which every change takes the next of. */
export const configurationNumber = 'configuration';

const racesMax = 16;

/** One transaction, with the configuration's number taken: no other change goes on meanwhile. */
export type Change = <Result>(work: (inside: SqlStatements) => Promise<Result>) => Promise<Result>;

export function configurationChange(session: Pick<SqlSession, 'transaction'>): Change {
  return async work => {
    for (let race = 1; ; race += 1) {
      try {
        return await session.transaction(async inside => {
          await takeNumber(inside);
          return work(inside);
        });
      } catch (error) {
        // Linkis, which knows no numbers, may have made the same row just now: then it is there when we look again.
        if (!(error instanceof DuplicateKeyError) || race === racesMax) throw error;
      }
    }
  };
}

async function takeNumber({run}: SqlStatements): Promise<void> {
  const {changes} = await run('update tenon_id_block set next_id = next_id + 1 where name = ?', [
    configurationNumber,
  ]);
  if (changes === 0) {
    await run('insert into tenon_id_block (name, next_id) values (?, 2)', [configurationNumber]);
  }
}

/** Of the label, made if it is not there. */
export async function labelIdOf(
  {all, run}: SqlStatements,
  now: string,
  key: string,
  value: string,
): Promise<number> {
  const find = 'select id from linkis_cg_manager_label where label_key = ? and label_value = ?';
  const [found] = await all(find, [key, value]);
  if (found !== undefined) return integerOf(found, 'id');
  const {insertId} = await run(
    `insert into linkis_cg_manager_label
       (label_key, label_value, label_feature, label_value_size, update_time, create_time)
     values (?, ?, 'OPTIONAL', ?, ${now}, ${now})`,
    [key, value, value.split(',').length],
  );
  return insertId;
}
