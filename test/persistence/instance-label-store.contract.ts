/** What every `InstanceLabelStore` must do. */
import test, {type ExecutionContext} from 'ava';
import type {InstanceLabelStore} from '../../actors/instance-label.ts';

export type OpenInstanceLabels = (t: ExecutionContext) => Promise<InstanceLabelStore>;

const entrance = (instance: string) => ({instance, name: 'linkis-cg-entrance'});
const [one, two] = [entrance('host-01:9104'), entrance('host-02:9104')];

/** Instances with their labels, without ids and times. */
async function shown(labels: InstanceLabelStore): Promise<Record<string, Record<string, string>>> {
  const rows = await labels.instances();
  return Object.fromEntries(
    rows.map(row => [row.instance, Object.fromEntries(row.labels.map(({key, value}) => [key, value]))]),
  );
}

export function instanceLabelContract(title: string, open: OpenInstanceLabels, isSerial = false): void {
  const register = isSerial ? test.serial : test;
  const it = (what: string, run: (t: ExecutionContext, labels: InstanceLabelStore) => Promise<void>): void =>
    register(`${title}: ${what}`, async t => run(t, await open(t)));

  it('an instance is there with its labels, and one without any is there too', async (t, labels) => {
    await labels.register(two, {});
    await labels.register(one, {route: 'et1', userCreator: 'alice-IDE'});
    t.deepEqual(await shown(labels), {
      'host-01:9104': {route: 'et1', userCreator: 'alice-IDE'},
      'host-02:9104': {},
    });
    const [first] = await labels.instances();
    t.like(first, {instance: 'host-01:9104', name: 'linkis-cg-entrance'});
    t.deepEqual(first?.labels.map(({key, valueSize}) => [key, valueSize]).toSorted(), [
      ['route', 1],
      ['userCreator', 2],
    ]);
    t.deepEqual(await labels.labelsOf('host-02:9104'), {});
    t.deepEqual(await labels.labelsOf('nowhere:1'), {});
  });

  it('registering adds, gives a key its new value, and may be repeated', async (t, labels) => {
    await labels.register(one, {route: 'et1', weight: '30'});
    await labels.register(one, {route: 'et2'});
    const before = await labels.instances();
    await labels.register(one, {route: 'et2'});
    t.deepEqual(await labels.labelsOf(one.instance), {route: 'et2', weight: '30'});
    t.deepEqual(
      (await labels.instances()).map(row => row.labels),
      before.map(row => row.labels),
    );
  });

  it('replacing leaves only what is given, of one instance', async (t, labels) => {
    await labels.register(one, {route: 'et1', weight: '30'});
    await labels.register(two, {route: 'et1'});
    await labels.replace(one, {sticky: 'tenant'});
    await labels.replace(one, {sticky: 'tenant'});
    t.deepEqual(await shown(labels), {'host-01:9104': {sticky: 'tenant'}, 'host-02:9104': {route: 'et1'}});
    await labels.replace(two, {});
    t.deepEqual(await labels.labelsOf(two.instance), {});
  });

  it('replacing within a scope leaves what is outside it', async (t, labels) => {
    await labels.register(one, {route: 'et1', offline: 'true'});
    await labels.replace(one, {weight: '5'}, ['route', 'weight']);
    t.deepEqual(await labels.labelsOf(one.instance), {offline: 'true', weight: '5'});
  });

  it('detaching takes keys away and makes no row', async (t, labels) => {
    await labels.register(one, {route: 'et1', offline: 'true'});
    await labels.detach(one.instance, ['offline', 'weight']);
    await labels.detach(one.instance, ['offline', 'weight']);
    await labels.detach('nowhere:1', ['offline']);
    t.deepEqual(await shown(labels), {'host-01:9104': {route: 'et1'}});
  });

  it('removing takes the row and its labels, and nobody elses', async (t, labels) => {
    await labels.register(one, {route: 'et1'});
    await labels.register(two, {route: 'et1'});
    await labels.remove(one.instance);
    await labels.remove(one.instance);
    t.deepEqual(await shown(labels), {'host-02:9104': {route: 'et1'}});
    await labels.register(one, {});
    t.deepEqual(await labels.labelsOf(one.instance), {}, 'no relation was left behind');
  });

  it('a row is renamed by who registers again', async (t, labels) => {
    await labels.register(one, {});
    await labels.register({...one, name: 'linkis-mg-gateway'}, {});
    t.deepEqual(
      (await labels.instances()).map(({name}) => name),
      ['linkis-mg-gateway'],
    );
  });

  it('the version is another one after each change, and the same after none', async (t, labels) => {
    const seen = new Set([await labels.version()]);
    const changes: (() => Promise<void>)[] = [
      () => labels.register(one, {route: 'et1'}),
      () => labels.register(two, {}),
      () => labels.replace(one, {route: 'et2'}),
      () => labels.replace(one, {route: 'et1'}),
      () => labels.detach(one.instance, ['route']),
      () => labels.register(one, {offline: 'true'}),
      () => labels.remove(one.instance),
    ];
    for (const change of changes) {
      // oxlint-disable-next-line no-await-in-loop
      await change();
      // oxlint-disable-next-line no-await-in-loop
      seen.add(await labels.version());
    }
    t.is(seen.size, changes.length + 1);
    const before = await labels.version();
    await labels.register(two, {});
    await labels.detach(two.instance, ['route']);
    t.is(await labels.version(), before);
  });

  it('many who write at once leave one value for a key, and every instance its own labels', async (t, labels) => {
    const names = Array.from({length: 12}, (_, n) => entrance(`host-${n}:9104`));
    await Promise.all(
      names.flatMap(name => [
        labels.register(name, {route: 'shared', tenant: 'a', weight: '1'}),
        labels.register(name, {weight: '2', tenant: 'a', route: 'shared'}),
        labels.replace(name, {weight: '3', route: 'shared'}, ['weight', 'route']),
      ]),
    );
    const rows = await labels.instances();
    t.is(rows.length, 12);
    for (const row of rows) {
      t.deepEqual(row.labels.map(({key}) => key).toSorted(), ['route', 'tenant', 'weight']);
      t.is(row.labels.find(({key}) => key === 'route')?.value, 'shared');
    }
    t.is(
      new Set(rows.flatMap(row => row.labels.filter(({key}) => key === 'route').map(({id}) => id))).size,
      1,
    );
  });
}
