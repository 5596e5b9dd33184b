/** Categories of the configuration: creators, and engine types below them, each with the label that its values hang on. */
import {DuplicateRowError, type ConfigurationStore} from '../actors/configuration.ts';
import {combinedLabel} from '../actors/configuration-scope.ts';
import {cutToCharacters, fitting} from './column-limits.ts';
import {labelIdOf, type Change} from './configuration-change.ts';
import {integerOf} from './sql-row.ts';
import {placeholders, type SqlWords} from './sql-session.ts';

const textCharsMax = 200;

export const configurationCategories = (
  {now}: SqlWords,
  change: Change,
): Pick<ConfigurationStore, 'createCategory' | 'updateCategory' | 'removeCategories'> => ({
  createCategory: (labelValue, level, description) =>
    change(async inside => {
      const label = fitting('The category', labelValue, 255);
      const labelId = await labelIdOf(inside, now, combinedLabel, label);
      const known = await inside.all('select id from linkis_ps_configuration_category where label_id = ?', [
        labelId,
      ]);
      if (known.length > 0) throw new DuplicateRowError(`The category ${label}`);
      await inside.run(
        `insert into linkis_ps_configuration_category (label_id, level, description, update_time, create_time)
         values (?, ?, ?, ${now}, ${now})`,
        [labelId, level, cutToCharacters(description, textCharsMax)],
      );
    }),

  updateCategory: (id, description, tag) =>
    change(async ({run}) => {
      const {changes} = await run(
        `update linkis_ps_configuration_category set description = ?, tag = coalesce(?, tag), update_time = ${now}
         where id = ?`,
        [
          cutToCharacters(description, textCharsMax),
          tag === undefined ? null : cutToCharacters(tag, textCharsMax),
          id,
        ],
      );
      return changes > 0;
    }),

  removeCategories: ids =>
    change(async ({all, run}) => {
      const rows = await all(
        `select label_id from linkis_ps_configuration_category where id in (${placeholders(ids.length)})`,
        ids,
      );
      const labelIds = rows.map(row => integerOf(row, 'label_id'));
      const labels = placeholders(labelIds.length);
      await run(
        `delete from linkis_ps_configuration_category where id in (${placeholders(ids.length)})`,
        ids,
      );
      await run(
        `delete from tenon_configuration_grant where value_id in
           (select id from linkis_ps_configuration_config_value where config_label_id in (${labels}))`,
        labelIds,
      );
      await run(
        `delete from linkis_ps_configuration_config_value where config_label_id in (${labels})`,
        labelIds,
      );
      await run(`delete from linkis_cg_manager_label where id in (${labels})`, labelIds);
    }),
});
