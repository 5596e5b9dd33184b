/**
 * Labels of instances on the seed's three tables, as they are. `linkis_ps_instance_label_relation` has no unique key: every
 * change first locks its instance's row in `linkis_ps_instance_info`, so that one instance's relations have one writer at a
 * time, and readers take them distinct.
 *
 * Ids of relations only ever grow, and a relation is never rewritten, so their count, sum and greatest id tell whether
 * anything has changed; `update_time`, with its one second, could not.
 */
import type {Labels} from '../actors/domain/label.ts';
import {
  labelValueSize,
  type InstanceLabelStore,
  type LabelledInstance,
  type ServiceInstance,
  type StoredLabel,
} from '../actors/instance-label.ts';
import {fitting} from './column-limits.ts';
import {integerOf, textOf, timeOf} from './sql-row.ts';
import {
  DuplicateKeyError,
  placeholders,
  type SqlRow,
  type SqlSession,
  type SqlStatements,
} from './sql-session.ts';

const infoTable = 'linkis_ps_instance_info';
const labelTable = 'linkis_ps_instance_label';
const relationTable = 'linkis_ps_instance_label_relation';

const widths = {instance: 128, name: 128, key: 32, value: 255};

/** Linkis' word for labels that nobody said more about. */
const feature = 'OPTIONAL';

const racesMax = 16;

/** A relation of one instance, with its label; `relationId` tells the newest of two values for one key. */
type Relation = {
  readonly relationId: number;
  readonly labelId: number;
  readonly key: string;
  readonly value: string;
};

export function instanceLabelStore(session: SqlSession): InstanceLabelStore {
  const {now} = session.words;

  /** Somebody else may be making the same row or label just now: then it is there when we look again. */
  async function transaction<Result>(work: (inside: SqlStatements) => Promise<Result>): Promise<Result> {
    for (let race = 1; ; race += 1) {
      try {
        return await session.transaction(work);
      } catch (error) {
        if (!(error instanceof DuplicateKeyError) || race === racesMax) throw error;
      }
    }
  }

  /** Makes the row, or renames and locks it. */
  async function lockRow({run}: SqlStatements, {instance, name}: ServiceInstance): Promise<void> {
    const {changes} = await run(`update ${infoTable} set name = ?, update_time = ${now} where instance = ?`, [
      name,
      instance,
    ]);
    if (changes > 0) return;
    await run(
      `insert into ${infoTable} (instance, name, update_time, create_time) values (?, ?, ${now}, ${now})`,
      [instance, name],
    );
  }

  async function labelId({all, run}: SqlStatements, key: string, value: string): Promise<number> {
    const find = `select id from ${labelTable} where label_key = ? and label_value = ?`;
    const [found] = await all(find, [key, value]);
    if (found !== undefined) return integerOf(found, 'id');
    const {insertId} = await run(
      `insert into ${labelTable} (label_key, label_value, label_feature, label_value_size, update_time, create_time)
       values (?, ?, ?, ?, ${now}, ${now})`,
      [key, value, feature, labelValueSize(key)],
    );
    return insertId;
  }

  /** Makes the relations of `instance` those of `labels`, as far as keys are `inScope`. What is right already stays. */
  async function relate(
    inside: SqlStatements,
    instance: string,
    labels: Labels,
    inScope: (key: string) => boolean,
  ): Promise<void> {
    const stored = await relationsOf(inside, instance);
    const newest = new Map(stored.map(relation => [relation.key, relation]));
    const isRight = ({relationId, key, value}: Relation): boolean =>
      !inScope(key) || (labels[key] === value && newest.get(key)?.relationId === relationId);
    const wrong = stored.filter(relation => !isRight(relation)).map(({relationId}) => relationId);
    if (wrong.length > 0) {
      await inside.run(`delete from ${relationTable} where id in (${placeholders(wrong.length)})`, wrong);
    }
    // In one order, so that two instances that get the same new labels at once do not wait for each other in a circle.
    for (const key of Object.keys(labels).toSorted()) {
      const value = labels[key] ?? '';
      if (newest.get(key)?.value === value) continue;
      const id = await labelId(inside, key, value);
      await inside.run(
        `insert into ${relationTable} (label_id, service_instance, update_time, create_time)
         values (?, ?, ${now}, ${now})`,
        [id, instance],
      );
    }
  }

  return {
    async instances() {
      const rows = await session.all(
        `select i.id, i.instance, i.name, i.update_time, i.create_time, l.id as label_id, l.label_key, l.label_value,
           l.label_feature, l.label_value_size, l.update_time as label_updated, l.create_time as label_created
         from ${infoTable} i
         left join ${relationTable} r on r.service_instance = i.instance
         left join ${labelTable} l on l.id = r.label_id
         where i.instance is not null
         order by i.instance, r.id`,
      );
      return [...Map.groupBy(rows, row => textOf(row, 'instance')).values()].map(readInstance);
    },

    async labelsOf(instance) {
      const relations = await relationsOf(session, instance);
      return Object.fromEntries(relations.map(({key, value}) => [key, value]));
    },

    async register(given, labels) {
      const [service, fit] = [fittingService(given), fittingLabels(labels)];
      await transaction(async inside => {
        await lockRow(inside, service);
        await relate(inside, service.instance, fit, key => Object.hasOwn(fit, key));
      });
    },

    async replace(given, labels, scope) {
      const [service, fit] = [fittingService(given), fittingLabels(labels)];
      await transaction(async inside => {
        await lockRow(inside, service);
        await relate(inside, service.instance, fit, key => scope === undefined || scope.includes(key));
      });
    },

    async detach(instance, keys) {
      await transaction(async inside => {
        const {changes} = await inside.run(
          `update ${infoTable} set update_time = ${now} where instance = ?`,
          [instance],
        );
        if (changes > 0) await relate(inside, instance, {}, key => keys.includes(key));
      });
    },

    async remove(instance) {
      await transaction(async ({run}) => {
        // The row first: it is the lock.
        await run(`delete from ${infoTable} where instance = ?`, [instance]);
        await run(`delete from ${relationTable} where service_instance = ?`, [instance]);
      });
    },

    async version() {
      const parts = ['count(*)', 'coalesce(sum(id), 0)', 'coalesce(max(id), 0)'];
      const of = (table: string, name: string): string =>
        parts.map((part, n) => `${part} as ${name}${n}`).join(', ') + ` from ${table}`;
      const [row = {}] = await session.all(
        `select * from (select ${of(relationTable, 'r')}) r, (select ${of(infoTable, 'i')}) i`,
      );
      return ['r0', 'r1', 'r2', 'i0', 'i1', 'i2'].map(column => textOf(row, column)).join(' ');
    },
  };
}

/** Oldest first, so that of two values for one key, which Linkis can store, the newest counts. */
async function relationsOf(
  session: Pick<SqlStatements, 'all'>,
  instance: string,
): Promise<readonly Relation[]> {
  const rows = await session.all(
    `select r.id as relation_id, l.id as label_id, l.label_key, l.label_value
     from ${relationTable} r join ${labelTable} l on l.id = r.label_id
     where r.service_instance = ? order by r.id`,
    [instance],
  );
  return rows.map(row => ({
    relationId: integerOf(row, 'relation_id'),
    labelId: integerOf(row, 'label_id'),
    key: textOf(row, 'label_key'),
    value: textOf(row, 'label_value'),
  }));
}

/** Rows of one instance, oldest relation first. */
function readInstance(rows: readonly SqlRow[]): LabelledInstance {
  const [first = {}] = rows;
  const labels = rows.filter(row => row['label_id'] !== null).map(readLabel);
  return {
    id: integerOf(first, 'id'),
    instance: textOf(first, 'instance'),
    name: textOf(first, 'name'),
    updateTime: timeOf(first, 'update_time'),
    createTime: timeOf(first, 'create_time'),
    labels: [...new Map(labels.map(label => [label.key, label])).values()],
  };
}

const readLabel = (row: SqlRow): StoredLabel => ({
  id: integerOf(row, 'label_id'),
  key: textOf(row, 'label_key'),
  value: textOf(row, 'label_value'),
  feature: textOf(row, 'label_feature'),
  valueSize: integerOf(row, 'label_value_size'),
  updateTime: timeOf(row, 'label_updated'),
  createTime: timeOf(row, 'label_created'),
});

const fittingService = ({instance, name}: ServiceInstance): ServiceInstance => ({
  instance: fitting('The instance', instance, widths.instance),
  name: fitting('The application name', name, widths.name),
});

const fittingLabels = (labels: Labels): Labels =>
  Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [
      fitting('The key of a label', key, widths.key),
      // Servers' collations do not tell blanks at the end apart.
      fitting(`The label ${key}`, value.trim(), widths.value),
    ]),
  );
