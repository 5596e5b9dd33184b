import test from 'ava';
import fc from 'fast-check';
import {EngineMarket, keyFor} from '../support/engine-market.ts';
import type {EngineWait} from '../../actors/engine-pool-protocol.ts';

const alice = keyFor('alice');
const bob = keyFor('bob');
const two = {'a:1': {capacity: {memoryBytes: 1e15, cores: 1000, instances: 2}}};

test('the first job gets a new engine, the next of the same user, creator and type the same one', t => {
  const market = new EngineMarket();
  market.submit(1, alice);
  const first = market.jobs.get(1);
  market.end(1);
  market.submit(2, alice);
  t.truthy(first);
  t.is(market.jobs.get(2), first);
});

test('an engine is never shared between users, creators or tenants', t => {
  const market = new EngineMarket();
  for (const [at, key] of [
    alice,
    bob,
    keyFor('alice', {creator: 'X'}),
    keyFor('alice', {tenant: 't'}),
  ].entries()) {
    market.submit(at, key);
    market.end(at);
    market.pass(25);
  }
  t.is(market.engines.size, 4);
});

test('a job that wants its own engine gets a fresh one, which ends with it', t => {
  const market = new EngineMarket();
  market.submit(1, alice);
  market.end(1);
  market.pass(25);
  market.submit(2, alice, 'a:1', true);
  market.pass(25);
  t.deepEqual(market.served, [1, 2]);
  t.is(market.engines.size, 2);
  market.end(2);
  t.is(market.engines.size, 1);
});

test('an engine ends after as many jobs as configured, and another takes its place', t => {
  const market = new EngineMarket({quota: () => ({engineJobsMax: 2})});
  for (const taskID of [1, 2, 3]) {
    market.submit(taskID, alice);
    market.end(taskID);
    market.pass(25);
  }
  t.deepEqual(market.served, [1, 2, 3]);
  t.deepEqual([...market.engines.keys()], ['e1-2']);
});

test('engines are kept ready where that is configured', t => {
  const market = new EngineMarket({quota: () => ({warmEngines: 2})});
  market.submit(1, alice);
  market.pass(25);
  t.is(market.engines.size, 3);
  const state = market.pools.get('a:1');
  const idle = [...(state?.engines ?? [])].filter(([, {status}]) => status === 'idle');
  for (const [engineId, {idleCount}] of idle) market.tellPool('a:1', {type: 'idleDue', engineId, idleCount});
  t.is(market.engines.size, 3);
});

test('a full node ends an idle engine of somebody else, and launches when it is gone', t => {
  const market = new EngineMarket({ecms: two});
  market.submit(1, alice);
  market.submit(2, alice);
  market.pass(25);
  market.submit(3, bob);
  market.pass(25);
  t.deepEqual(market.served, [1, 2]);
  market.end(1);
  market.pass(25);
  t.deepEqual(market.served, [1, 2, 3]);
  t.is(market.engines.size, 2);
});

test('a failed launch is told to one job, the others wait for another launch', t => {
  const market = new EngineMarket({ecms: {'a:1': {capacity: {memoryBytes: 1e15, cores: 99, instances: 1}}}});
  let launches = 0;
  market.mayLaunch = () => {
    launches += 1;
    return launches > 1;
  };
  market.submit(1, alice);
  market.submit(2, alice);
  market.pass(25);
  t.deepEqual([...market.denied], [[1, 1]]);
  t.deepEqual(market.served, [2]);
});

test('an idle engine ends after its time, unless a job came in between', t => {
  const market = new EngineMarket();
  market.submit(1, alice);
  market.end(1);
  const engineId = market.engines.keys().next().value ?? '';
  market.tellPool('a:1', {type: 'idleDue', engineId, idleCount: 1});
  t.is(market.engines.size, 1);
  market.tellPool('a:1', {type: 'idleDue', engineId, idleCount: 2});
  t.is(market.engines.size, 0);
});

test('a closed pool grants and launches nothing more', t => {
  const market = new EngineMarket();
  market.submit(1, alice);
  market.tellPool('a:1', {type: 'close'});
  market.submit(2, alice);
  market.end(1);
  market.submit(3, bob);
  market.pass(25);
  t.deepEqual(market.served, [1]);
  t.is(market.engines.size, 1);
});

test('who waits is told its place, what holds it up and who has the engines', t => {
  const market = new EngineMarket({quota: () => ({max: {memoryBytes: 1e15, cores: 99, instances: 1}})});
  let wait: EngineWait | undefined;
  for (const taskID of [1, 2, 3]) market.submit(taskID, alice);
  market.pass(25);
  market.tellPool('a:1', {type: 'explain', taskID: 3, key: alice, reply: told => (wait = told)});
  t.like(wait, {ahead: 1, starting: 0, gate: 'user', holders: [{engineId: 'e1-1', taskID: 1}]});
});

test('whatever is lost, repeated or late: never more engines than allowed, none granted twice, all served', t => {
  const act = fc.tuple(
    fc.constantFrom('request', 'end', 'cancel', 'deliver', 'lose', 'repeat', 'pass', 'succeed', 'exit'),
    fc.nat(1000),
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(act, {maxLength: 120}), acts => {
        const market = new EngineMarket({
          entrances: ['a:1', 'b:1'],
          ecms: {'a:1': {}, 'b:1': {capacity: {memoryBytes: 1e15, cores: 99, instances: 2}}},
        });
        market.isBagged = true;
        const wanted = new Map<number, string>();
        const cancelled = new Set<number>();
        let next = 1;
        // An ECM refuses what it has no room for, whatever it was granted.
        market.mayLaunch = ({ecm}) =>
          [...market.engines.values()].filter(engine => engine.ecm === ecm).length <
          (market.ecms.get(ecm)?.capacity.instances ?? 0);
        const keyOf = (taskID: number) => keyFor(['alice', 'bob', 'carol'][taskID % 3] ?? '');
        const take = (number: number): (() => void) | undefined =>
          market.bag.splice(number % Math.max(1, market.bag.length), 1)[0];
        const isGood = (): boolean => new Set(market.jobs.values()).size === market.jobs.size;
        for (const [kind, number] of acts) {
          if (kind === 'request') {
            const name = number % 2 === 0 ? 'a:1' : 'b:1';
            wanted.set(next, name);
            market.submit(next, keyOf(next), name, number % 7 === 0);
            next += 1;
          } else if (kind === 'end')
            market.end([...market.jobs.keys()][number % Math.max(1, market.jobs.size)] ?? 0);
          else if (kind === 'deliver') take(0)?.();
          else if (kind === 'lose') take(number);
          else if (kind === 'repeat') market.bag[number % Math.max(1, market.bag.length)]?.();
          else if (kind === 'pass') market.pass(number);
          else if (kind === 'succeed') market.succeed();
          else if (kind === 'exit') {
            const engine = [...market.engines.values()].find(({taskID}) => taskID === undefined);
            if (engine === undefined) continue;
            market.engines.delete(engine.engineId);
            market.tellPool(engine.entrance, {type: 'engineExited', engineId: engine.engineId});
          } else if (wanted.size > 0) {
            const taskID = 1 + (number % (next - 1));
            if (market.served.includes(taskID) || market.denied.has(taskID)) continue;
            cancelled.add(taskID);
            market.tellPool(wanted.get(taskID) ?? '', {
              type: 'cancelRequest',
              taskID,
              attempt: 1,
              key: keyOf(taskID),
            });
          }
          if (!isGood()) return false;
        }
        market.isBagged = false;
        for (const deliver of market.bag.splice(0)) deliver();
        for (let round = 0; round < 60; round += 1) {
          for (const taskID of [...market.jobs.keys()]) market.end(taskID);
          market.pass(round % 10 === 0 ? 11_000 : 700);
        }
        const isServed = market.served.length + market.denied.size + cancelled.size === next - 1;
        const ledger = new Set(market.manager.ledger.reservations.keys());
        return isGood() && isServed && ledger.size === market.engines.size;
      }),
      {numRuns: 300},
    ),
  );
});

test('engines that are to be kept ready take nobody’s place; a job takes theirs', t => {
  const market = new EngineMarket({ecms: {'a:1': two['a:1']}, quota: () => ({warmEngines: 1})});
  market.submit(1, alice);
  market.submit(2, bob);
  market.pass(25);
  market.end(1);
  market.end(2);
  const kept = [...market.engines.keys()];
  for (let round = 0; round < 20; round += 1) market.pass(100);
  t.deepEqual([...market.engines.keys()], kept, 'each has one ready');
  market.submit(3, bob);
  market.submit(4, bob);
  for (let round = 0; round < 5; round += 1) market.pass(100);
  t.deepEqual(market.served, [1, 2, 3, 4]);
  const used = [...market.engines.keys()];
  for (let round = 0; round < 20; round += 1) market.pass(100);
  t.deepEqual([...market.engines.keys()], used, 'alice lacks one, and waits until there is room');
});

test('an engine that ends anyway does not pay for one that was asked back; one that is ended by hand does', t => {
  const market = new EngineMarket();
  market.submit(1, alice, 'a:1', true);
  market.submit(2, alice);
  market.submit(3, alice);
  market.pass(25);
  const recall = {type: 'recall', fence: 1, key: alice, ecm: 'a:1', isForced: true} as const;
  market.tellPool('a:1', {type: 'notice', notice: recall});
  market.end(1);
  t.is(market.engines.size, 2);
  market.end(2);
  t.is(market.engines.size, 1, 'this one was asked for');
  market.tellPool('a:1', {type: 'notice', notice: recall});
  market.tellPool('a:1', {type: 'endEngine', engineId: market.jobs.get(3) ?? ''});
  market.submit(4, alice);
  market.pass(25);
  market.end(4);
  t.is(market.engines.size, 1, 'nothing is owed any more');
});

test('how long an engine took to start is told to the job that waited for it, and to no other', t => {
  const market = new EngineMarket();
  market.launchMs = 120;
  market.submit(1, alice);
  market.end(1);
  market.submit(2, alice);
  t.deepEqual(
    market.grants.map(({isReused, launchMs}) => ({isReused, launchMs})),
    [
      {isReused: false, launchMs: 120},
      {isReused: true, launchMs: 0},
    ],
  );
});
