import test from 'ava';
import {drift} from '../../actors/ledger.ts';
import type {Gate} from '../../actors/gate.ts';
import type {EngineKey} from '../../actors/engine-key.ts';
import {EngineMarket, keyFor} from '../support/engine-market.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import type {Reply} from '../../actors/remote-call.ts';

const room = (instances: number) => ({capacity: {memoryBytes: 1e15, cores: 1000, instances}});
const alice = keyFor('alice');
const bob = keyFor('bob');

function gatesOf(market: EngineMarket, key: EngineKey): readonly Gate[] {
  let gates: readonly Gate[] = [];
  const replyTo: Ref<Reply<readonly Gate[]>> = {
    path: '/asker',
    uid: 1,
    tell: reply => {
      if (reply.ok) gates = reply.value;
      return true;
    },
  };
  market.tellManager({type: 'explain', key, replyTo});
  return gates;
}

test('each cause of waiting is named, and removing that one alone starts the job', t => {
  const causes: {
    readonly name: string;
    readonly market: () => EngineMarket;
    readonly key: EngineKey;
    readonly gate: string;
    readonly unit: string;
    readonly remove: (market: EngineMarket) => void;
  }[] = [
    {
      name: 'the quota of user, creator and engine type',
      market: () => new EngineMarket({quota: () => ({max: {memoryBytes: 1e15, cores: 99, instances: 1}})}),
      key: alice,
      gate: 'user',
      unit: 'instances',
      remove: market => market.end(1, false),
    },
    {
      name: 'the memory quota of the user',
      market: () => new EngineMarket({quota: () => ({max: {memoryBytes: 6e8, cores: 99, instances: 9}})}),
      key: alice,
      gate: 'user',
      unit: 'memoryBytes',
      remove: market => market.end(1, false),
    },
    {
      name: 'the quota of the tenant',
      market: () => new EngineMarket({tenant: () => ({max: {memoryBytes: 1e15, cores: 1, instances: 9}})}),
      key: bob,
      gate: 'tenant',
      unit: 'cores',
      remove: market => market.end(1, false),
    },
    {
      name: 'the limit of the engine type',
      market: () => new EngineMarket({engineTypeMax: {shell: 1}}),
      key: bob,
      gate: 'engineType',
      unit: 'instances',
      remove: market => market.end(1, false),
    },
    {
      name: 'room on the ECM',
      market: () => new EngineMarket({ecms: {'a:1': room(1)}}),
      key: bob,
      gate: 'ecm',
      unit: 'instances',
      remove: market => market.end(1, false),
    },
    {
      name: 'engines of one user on the ECM',
      market: () => new EngineMarket({ecms: {'a:1': {...room(9), enginesPerUserMax: 1}}}),
      key: keyFor('alice', {creator: 'other'}),
      gate: 'ecm',
      unit: 'instances',
      remove: market => market.end(1, false),
    },
    {
      name: 'the health of the ECM',
      market: () =>
        new EngineMarket({ecms: {'a:1': {...room(2), health: 'StockAvailable', healthReason: 'disk'}}}),
      key: bob,
      gate: 'ecm',
      unit: 'instances',
      remove(market) {
        market.tellManager({type: 'ecm', report: {...ecmOf(market), health: 'Healthy'}});
      },
    },
    {
      name: 'that no ECM runs the engine type',
      market: () => new EngineMarket({ecms: {'a:1': {...room(9), engineTypes: ['python']}}}),
      key: bob,
      gate: 'ecm',
      unit: 'ecms',
      remove: market => market.tellManager({type: 'ecm', report: {...ecmOf(market), engineTypes: ['shell']}}),
    },
    {
      name: 'an ECM that the label asks for and that is not there',
      market: () => new EngineMarket(),
      key: keyFor('bob', {pin: 'b:1'}),
      gate: 'ecm',
      unit: 'ecms',
      remove: market => market.tellManager({type: 'ecm', report: {...ecmOf(market), instance: 'b:1'}}),
    },
    {
      name: 'that the manager has just taken over',
      market() {
        const market = new EngineMarket();
        market.succeed();
        market.tellManager({type: 'expect', ecms: ['a:1', 'b:1']});
        market.manager.phase = 'gathering';
        return market;
      },
      key: bob,
      gate: 'manager',
      unit: 'reports',
      remove: market => market.tellManager({type: 'ecm', report: {...ecmOf(market), instance: 'b:1'}}),
    },
  ];
  for (const {name, market: make, key, gate, unit, remove} of causes) {
    const market = make();
    market.submit(1, alice);
    market.submit(2, key);
    market.pass(25);
    t.false(market.served.includes(2), name);
    const [first] = gatesOf(market, key);
    t.like(first, {gate, unit}, name);
    t.true((first?.value ?? 0) <= (first?.limit ?? 0), name);
    t.regex(first?.opens ?? '', /\.$/, name);
    remove(market);
    market.tellPool('a:1', {type: 'stateDue', isFull: false});
    t.true(market.served.includes(2), name);
  }
});

const ecmOf = (market: EngineMarket) => {
  const [ecm] = market.manager.ecms.values();
  if (ecm === undefined) throw new Error('no ECM has reported');
  return ecm;
};

test('what one engine alone is more than its quota is refused, not kept waiting for ever', t => {
  const market = new EngineMarket({quota: () => ({max: {memoryBytes: 1, cores: 9, instances: 9}})});
  market.submit(1, alice);
  t.deepEqual([...market.denied], [[1, 12_004]]);
});

test('an engine type that nobody runs is refused after a while, since an ECM may be restarting', t => {
  const market = new EngineMarket();
  market.submit(1, keyFor('alice', {engineType: 'spark'}));
  market.pass(29_000);
  t.is(market.denied.size, 0);
  market.pass(2000);
  t.deepEqual([...market.denied], [[1, 30_002]]);
});

test('engines go where there is most room, with a bonus for the node that asks', t => {
  const market = new EngineMarket({ecms: {'a:1': room(8), 'b:1': room(8)}});
  for (let taskID = 1; taskID <= 12; taskID += 1) market.submit(taskID, keyFor(`u${taskID}`));
  market.pass(25);
  const counts = ['a:1', 'b:1'].map(
    ecm => [...market.engines.values()].filter(engine => engine.ecm === ecm).length,
  );
  t.deepEqual(counts, [7, 5]);
});

test('a tenant with ECMs of its own uses only these, and nobody else does', t => {
  const ofX = {...room(1), labels: {tenant: 'x'}};
  const market = new EngineMarket({ecms: {'a:1': room(1), 'b:1': ofX}});
  const x = keyFor('alice', {tenant: 'x'});
  for (const [at, key] of [x, x, bob, bob, keyFor('eve', {tenant: 'y'})].entries()) market.submit(at, key);
  market.pass(25);
  t.deepEqual(
    [...market.engines.values()].map(({ecm, key}) => `${ecm} ${key.tenant}`),
    ['b:1 x', 'a:1 '],
  );
});

/** Runs jobs of one tick each for so many ticks, with as many waiting as there can be; answers who ran how often. */
function contend(
  tenants: Readonly<Record<string, number>>,
  engines: number,
  ticks: number,
): ReadonlyMap<string, number> {
  const market = new EngineMarket({
    ecms: {'a:1': room(engines)},
    tenant: name => ({weight: tenants[name] ?? 1}),
  });
  let next = 1;
  const ran = new Map<string, number>();
  const names = Object.keys(tenants);
  const fill = (): void => {
    for (const name of names) {
      const waiting = market.pools.get('a:1')?.keys.values() ?? [];
      const has = [...waiting]
        .filter(({key}) => key.tenant === name)
        .reduce((sum, key) => sum + key.waiting.length, 0);
      for (let more = has; more < 2 * engines; more += 1)
        market.submit(next++, keyFor(`u-${name}`, {tenant: name}));
    }
  };
  // The first has all engines before the others come.
  for (let more = 0; more < 3 * engines; more += 1)
    market.submit(next++, keyFor(`u-${names[0]}`, {tenant: names[0] ?? ''}));
  for (let tick = 0; tick < ticks; tick += 1) {
    fill();
    // Warm-up: until each has had the time to get its share.
    if (tick >= ticks / 5)
      for (const name of names) ran.set(name, (ran.get(name) ?? 0) + market.busyOf(name));
    for (const taskID of [...market.jobs.keys()]) market.end(taskID);
    market.pass(25);
  }
  return ran;
}

test('equal tenants get equal shares, though one had all engines first: Jain index at least 0.95', t => {
  const shares = [...contend({a: 1, b: 1, c: 1, d: 1}, 10, 200).values()];
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  const jain = (sum * sum) / (shares.length * squares);
  t.true(jain >= 0.95, `Jain index ${jain}, shares ${shares.join(' ')}`);
});

test('weights are kept within five percent', t => {
  const weights = {a: 1, b: 2, c: 5};
  const shares = contend(weights, 16, 200);
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  for (const [name, weight] of Object.entries(weights)) {
    const share = (shares.get(name) ?? 0) / sum;
    t.true(Math.abs(share - weight / 8) <= 0.05, `${name} has ${share} of ${weight / 8}`);
  }
});

test('within a tenant no key starves another', t => {
  const market = new EngineMarket({ecms: {'a:1': room(4)}});
  for (let taskID = 1; taskID <= 40; taskID += 1) market.submit(taskID, alice);
  market.pass(25);
  market.submit(99, bob);
  for (let round = 0; round < 3; round += 1) {
    market.pass(25);
    for (const taskID of [...market.jobs.keys()].slice(0, 1)) market.end(taskID);
  }
  market.pass(25);
  t.true(market.served.includes(99), `served after ${market.served.length} others`);
});

test('a leaked reservation heals and is reported; one that is only late does not', t => {
  const market = new EngineMarket({ecms: {'a:1': room(1)}});
  market.submit(1, alice);
  market.pass(25);
  const [engineId = ''] = market.engines.keys();
  // The engine vanishes, and nobody says so.
  market.engines.delete(engineId);
  market.pass(1000);
  t.is(market.manager.healed, 0);
  market.pass(3000);
  t.is(market.manager.healed, 1);
  t.is(market.manager.ledger.reservations.size, 0);
  t.deepEqual(drift(market.manager.ledger), []);
});

test('an engine that nobody granted is entered as soon as it is reported, and counts', t => {
  const market = new EngineMarket({ecms: {'a:1': room(1)}});
  const reserved = {memoryBytes: 5, cores: 1, instances: 1};
  market.engines.set('x', {engineId: 'x', entrance: 'b:1', key: bob, ecm: 'a:1', reserved, taskID: 7});
  market.report();
  market.submit(1, alice);
  market.pass(25);
  t.deepEqual(market.served, []);
  t.is(gatesOf(market, alice)[0]?.holders[0]?.who, 'bob-IDE shell');
  market.engines.delete('x');
  market.pass(4000);
  t.deepEqual(market.served, [1]);
});

test('a successor grants nothing before every living ECM has reported, and then knows what runs', t => {
  const market = new EngineMarket({ecms: {'a:1': room(1)}});
  market.submit(1, alice);
  market.succeed();
  market.submit(2, bob);
  market.pass(25);
  t.deepEqual(market.served, [1]);
  t.is(market.manager.ledger.reservations.size, 1);
  market.end(1, false);
  market.pass(25);
  t.deepEqual(market.served, [1, 2]);
});

test('what an entrance that is over was granted and never started is given back at once', t => {
  const market = new EngineMarket({entrances: ['a:1', 'b:1'], ecms: {'a:1': room(1)}});
  market.isBagged = true;
  market.submit(1, alice, 'b:1');
  // Its statement arrives, the grant does not.
  market.bag.shift()?.();
  market.bag.length = 0;
  market.isBagged = false;
  market.submit(2, bob);
  market.pass(25);
  t.deepEqual(market.served, []);
  market.pools.delete('b:1');
  market.tellManager({type: 'entranceGone', incarnation: 'b:1#1'});
  t.deepEqual(market.served, [2]);
});

const oneOfTenant = {tenant: () => ({max: {memoryBytes: 1e15, cores: 99, instances: 1}})};
const oneOfUser = {quota: () => ({max: {memoryBytes: 1e15, cores: 99, instances: 1}})};

test('an engine that becomes idle makes way for who waits for the same quota, also when that is asked in vain once', t => {
  const market = new EngineMarket(oneOfTenant);
  market.submit(1, alice);
  market.submit(2, bob);
  market.pass(25);
  market.end(1);
  market.isBagged = true;
  market.tellPool('a:1', {type: 'stateDue', isFull: false});
  for (const deliver of market.bag.splice(0)) deliver();
  t.is(market.bag.length, 1, 'one engine is asked for');
  market.bag = [];
  market.isBagged = false;
  market.pass(25);
  t.deepEqual(market.served, [1], 'that was lost');
  for (let ms = 0; ms <= 4000; ms += 1000) market.pass(1000);
  t.deepEqual(market.served, [1, 2]);
});

test('all who ask for what no quota allows are told, also who comes while others are', t => {
  const engine = {memoryBytes: 2e9, cores: 1, instances: 1};
  const market = new EngineMarket({
    quota: () => ({engine, max: {memoryBytes: 1e9, cores: 99, instances: 9}}),
  });
  for (const taskID of [1, 2, 3]) market.submit(taskID, alice);
  market.isBagged = true;
  market.submit(4, alice);
  market.isBagged = false;
  for (const deliver of market.bag.splice(0)) deliver();
  for (let round = 0; round < 4; round += 1) market.pass(25);
  t.deepEqual(
    [...market.denied].toSorted(([one], [other]) => one - other),
    [1, 2, 3, 4].map(taskID => [taskID, 12_004]),
  );
});

for (const [name, options] of [
  ['a quota', oneOfUser],
  ['an ECM', {ecms: {'a:1': room(1)}}],
] as const) {
  test(`a job that wants an engine of its own has that of an idle one of its user, where ${name} has no more`, t => {
    const market = new EngineMarket(options);
    market.submit(1, alice);
    market.end(1);
    market.pass(25);
    market.submit(2, alice, 'a:1', true);
    for (let round = 0; round < 4; round += 1) market.pass(100);
    t.deepEqual(market.served, [1, 2]);
  });
}

test('a key that its entrance forgot unheard is counted anew', t => {
  const market = new EngineMarket();
  market.submit(1, alice);
  market.end(1, false);
  market.tellPool('a:1', {type: 'stateDue', isFull: false});
  market.isBagged = true;
  market.tellPool('a:1', {type: 'stateDue', isFull: true});
  market.bag = [];
  market.isBagged = false;
  for (const taskID of [2, 3, 4]) market.submit(taskID, alice);
  market.pass(25);
  t.deepEqual(market.served, [1, 2, 3, 4]);
});

test('engines that outlive their ECM are in the ledger as soon as another reports them', t => {
  const market = new EngineMarket(oneOfUser);
  market.submit(1, alice);
  market.tellManager({type: 'ecmGone', instance: 'a:1', isOver: true});
  t.is(market.manager.ledger.reservations.size, 0);
  market.report();
  t.is(market.manager.ledger.reservations.size, 1);
  market.submit(2, alice);
  market.pass(25);
  t.deepEqual(market.served, [1], 'the quota of one engine holds');
});
