/** Quotas, waiting reasons, priorities, engines and kill receipts, on a real node. */
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {addPerson} from '../support/node-person.ts';
import {submitJob, untilStatus} from '../support/node-jobs.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';

type Gate = {
  readonly gate: string;
  readonly value: number;
  readonly limit: number;
  readonly holders: readonly {readonly who: string}[];
};
type Why = {
  readonly status: string;
  readonly priority: number;
  readonly position?: number;
  readonly gates: readonly Gate[];
  readonly timeline: readonly {readonly cause: string; readonly ms: number}[];
};
type Receipt = {
  readonly signals: readonly string[];
  readonly processesEnded: number;
  readonly tookMs: number;
};

const whyOf = async (node: NodeProcess, taskID: number): Promise<Why> =>
  (await node.api<Why>(`entrance/${taskID}/why`)).data;

async function untilGate(node: NodeProcess, taskID: number, gate: string): Promise<Why> {
  for (let tries = 0; ; tries += 1) {
    const why = await whyOf(node, taskID);
    if (why.gates[0]?.gate === gate || tries === 100) return why;
    await sleep(100);
  }
}

const setQuota = (node: NodeProcess, key: string, value: string) =>
  node.api('configuration/keyvalue', {
    body: {
      configKey: key,
      configValue: value,
      engineType: '*',
      version: '*',
      creator: '*',
      user: '*',
    },
  });

const verified = async (node: NodeProcess) => (await node.api('rm/verify')).data;
const clean = {drift: [], missing: [], unknown: [], healed: 0};

test.serial('a quota holds jobs up by name, and lets them go as soon as it is raised', async t => {
  const node = await startNode(t);
  await node.login();
  t.is((await setQuota(node, 'wds.linkis.rm.instance', '1')).status, 0);
  const alice = await addPerson(node, 'alice');
  const first = await alice.accepted('sleep 60');
  await untilStatus(node, first.taskID, ['Running']);
  const second = await alice.accepted('echo second');
  const why = await untilGate(node, second.taskID, 'user');
  t.like(why.gates[0], {gate: 'user', value: 1, limit: 1, holders: [{who: 'alice-IDE shell', holds: 1}]});
  t.like(await verified(node), {...clean, reservations: 1});
  t.is((await setQuota(node, 'wds.linkis.rm.instance', '5')).status, 0);
  await untilStatus(node, second.taskID, ['Succeed']);
  const {timeline} = await whyOf(node, second.taskID);
  t.true((timeline.find(({cause}) => cause === 'user')?.ms ?? 0) > 0, JSON.stringify(timeline));
  // Nobody else may look, raise a quota, or change a priority.
  const bob = await addPerson(node, 'bob');
  t.is((await bob.api(`entrance/${second.taskID}/why`)).status, 1);
  t.is((await bob.api('rm/verify')).status, 1);
  const raised = await bob.api('configuration/keyvalue', {
    body: {
      configKey: 'wds.linkis.rm.instance',
      configValue: '20',
      engineType: '*',
      version: '*',
      creator: '*',
      user: '*',
    },
  });
  t.is(raised.status, 1, raised.message);
  await alice.api(`entrance/${first.taskID}/kill`);
});

test.serial(
  'a type of engines can be limited for all; who holds it is told to administrators only',
  async t => {
    const node = await startNode(t, {args: ['--set', 'governance.engineTypeMax=shell=1']});
    await node.login();
    const [alice, bob] = [await addPerson(node, 'alice'), await addPerson(node, 'bob')];
    const first = await alice.accepted('sleep 60');
    await untilStatus(node, first.taskID, ['Running']);
    const second = await bob.accepted('echo second');
    const limited = {gate: 'engineType', value: 1, limit: 1};
    t.like((await untilGate(node, second.taskID, 'engineType')).gates[0], {
      ...limited,
      holders: [{who: 'alice-IDE shell', holds: 1}],
    });
    const toBob = (await bob.api<Why>(`entrance/${second.taskID}/why`)).data.gates;
    t.like(toBob[0], {...limited, holders: [{who: 'other users', holds: 1}]});
    t.notRegex(JSON.stringify(toBob), /alice/);
    await alice.api(`entrance/${first.taskID}/kill`);
    await untilStatus(node, second.taskID, ['Succeed']);
  },
);

test.serial('a waiting job knows its place, and a higher priority changes it', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  const running = await submitJob(node, 'sleep 60');
  await untilStatus(node, running.taskID, ['Running']);
  const [one, two] = [await submitJob(node, 'echo one'), await submitJob(node, 'echo two')];
  t.like(await untilGate(node, two.taskID, 'group'), {
    position: 2,
    gates: [{gate: 'group', value: 1, limit: 1}],
  });
  t.is((await node.api(`entrance/${two.taskID}/priority`, {body: {priority: 500}})).status, 0);
  t.like(await whyOf(node, two.taskID), {position: 1, priority: 500});
  t.is((await whyOf(node, one.taskID)).gates.at(-1)?.gate, 'priority');
  await node.api(`entrance/${running.taskID}/kill`);
  await untilStatus(node, one.taskID, ['Succeed']);
  const ends = await Promise.all(
    [one, two].map(
      async ({taskID}) => (await whyOf(node, taskID)).timeline.find(({cause}) => cause === 'queue')?.ms ?? 0,
    ),
  );
  t.true((ends[0] ?? 0) > (ends[1] ?? 0), `one waited ${ends[0]} ms, two ${ends[1]} ms`);
});

test.serial(
  'the receipt of a kill tells what was signalled and ended; an engine ended by hand is not used again',
  async t => {
    const node = await startNode(t, {args: ['--set', 'governance.killGraceMs=1000']});
    await node.login();
    const stubborn = await submitJob(node, 'trap "" TERM; (setsid sleep 300 &); while :; do sleep 1; done');
    await untilStatus(node, stubborn.taskID, ['Running']);
    await sleep(500);
    const kill = await node.api<{killResult: string; receipt: Receipt}>(`entrance/${stubborn.taskID}/kill`);
    t.is(kill.data.killResult, 'ended');
    t.deepEqual(kill.data.receipt.signals, ['SIGTERM', 'SIGKILL']);
    t.true(kill.data.receipt.processesEnded >= 2);
    t.true(kill.data.receipt.tookMs >= 1000);
    const busy = await submitJob(node, 'sleep 300');
    await untilStatus(node, busy.taskID, ['Running']);
    const next = await submitJob(node, 'echo next');
    const {engines} = (await node.api<{engines: {instance: string; taskID: number | null}[]}>('engines/list'))
      .data;
    const engine = engines.find(({taskID}) => taskID === busy.taskID);
    t.truthy(engine, JSON.stringify(engines));
    const ended = await node.api<{receipt: Receipt}>('engines/kill', {body: {engine: engine?.instance}});
    t.is(ended.status, 0, ended.message);
    t.true(ended.data.receipt.processesEnded >= 1);
    await untilStatus(node, next.taskID, ['Succeed']);
    t.notRegex(JSON.stringify(await whyOf(node, next.taskID)), /retry/);
    await untilStatus(node, busy.taskID, ['Cancelled', 'Failed']);
    // An engine that ended a moment ago is given back in the next round.
    for (let tries = 0; tries < 60; tries += 1) {
      if (JSON.stringify((await verified(node))['missing']) === '[]') break;
      await sleep(100);
    }
    t.like(await verified(node), {drift: [], missing: [], unknown: []});
  },
);
