/** `InstanceLabelStore` in memory: the port's rules written down a second time, and a switch that takes it away. */
import {labelValueSize, type InstanceLabelStore, type LabelledInstance} from '../../actors/instance-label.ts';
import {DatabaseAwayError} from '../../actors/ports.ts';

export type MemoryInstanceLabels = InstanceLabelStore & {
  isAway: boolean;
  /** How often labels were read in full. */
  reads: number;
};

type Row = Omit<LabelledInstance, 'labels'> & {readonly labels: ReadonlyMap<string, string>};

export function createMemoryInstanceLabels(): MemoryInstanceLabels {
  const rows = new Map<string, Row>();
  const labelIds = new Map<string, number>();
  let lastId = 0;
  let changes = 0;

  const idOf = (key: string, value: string): number => {
    const id = labelIds.get(`${key}=${value}`) ?? labelIds.size + 1;
    labelIds.set(`${key}=${value}`, id);
    return id;
  };

  async function orAway<Answer>(answer: () => Answer): Promise<Answer> {
    if (store.isAway) throw new DatabaseAwayError('the memory is away');
    return answer();
  }

  function put(instance: string, name: string | undefined, labels: Map<string, string>): void {
    const found = rows.get(instance);
    const isSame =
      found?.labels.size === labels.size &&
      [...labels].every(([key, value]) => found.labels.get(key) === value);
    if (!isSame) changes += 1;
    const id = found?.id ?? (lastId += 1);
    const times = {updateTime: 1, createTime: 1};
    rows.set(instance, {id, instance, name: name ?? found?.name ?? '', ...times, labels});
  }

  const store: MemoryInstanceLabels = {
    isAway: false,
    reads: 0,
    instances: () =>
      orAway(() => {
        store.reads += 1;
        return [...rows.values()]
          .toSorted((a, b) => (a.instance < b.instance ? -1 : 1))
          .map(({labels, ...row}) => ({
            ...row,
            labels: [...labels].map(([key, value]) => ({
              id: idOf(key, value),
              key,
              value,
              feature: 'OPTIONAL',
              valueSize: labelValueSize(key),
              updateTime: 1,
              createTime: 1,
            })),
          }));
      }),
    labelsOf: instance => orAway(() => Object.fromEntries(rows.get(instance)?.labels ?? [])),
    register: ({instance, name}, labels) =>
      orAway(() => {
        const stored = rows.get(instance)?.labels ?? [];
        put(instance, name, new Map([...stored, ...Object.entries(labels)]));
      }),
    replace: ({instance, name}, labels, scope) =>
      orAway(() => {
        const stored = [...(rows.get(instance)?.labels ?? [])];
        const kept = stored.filter(([key]) => scope !== undefined && !scope.includes(key));
        put(instance, name, new Map([...kept, ...Object.entries(labels)]));
      }),
    detach: (instance, keys) =>
      orAway(() => {
        const row = rows.get(instance);
        if (row === undefined) return;
        put(instance, undefined, new Map([...row.labels].filter(([key]) => !keys.includes(key))));
      }),
    remove: instance => orAway(() => void (rows.delete(instance) && (changes += 1))),
    version: () => orAway(() => String(changes)),
  };
  return store;
}
