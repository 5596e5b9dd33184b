/** `entrance/{id}/why` and `entrance/{id}/priority`. */
import test from 'ava';
import {startFacade} from '../support/facade-world.ts';

test('a waiting job is explained with its gates, its place and where its time went', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Inited'});
  const {body} = await alice.get(`/api/rest_j/v1/entrance/${taskID}/why`);
  t.is(body.status, 0);
  t.is(body.method, '/api/entrance/why'.replace('/why', `/${taskID}/why`));
  t.like(body.data, {taskID, status: 'Inited', position: 3, timeline: [{cause: 'queue', ms: 12}]});
  t.like(body.data['gates'], [{gate: 'group', value: 2, limit: 2, holders: [{who: 'job 1', holds: 1}]}]);
});

test('its owner may move a waiting job, up to 1000; an administrator further; nobody else at all', async t => {
  const world = await startFacade(t);
  const taskID = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Inited'});
  const url = `/api/rest_j/v1/entrance/${taskID}/priority`;
  const [alice, bob, root] = await Promise.all(['alice', 'bob', 'root'].map(user => world.as(user)));
  t.is((await alice?.post(url, {priority: 500}))?.body.status, 0);
  t.is(world.priorities.get(taskID), 500);
  const refused = await alice?.post(url, {priority: 1001});
  t.is(refused?.body.status, 1);
  t.regex(refused?.body.message ?? '', /above 1000/);
  t.is((await bob?.post(url, {priority: 5}))?.body.status, 1);
  t.is((await root?.post(url, {priority: 5000}))?.body.status, 0);
  t.is(world.priorities.get(taskID), 5000);
});

test('a job that runs is told so, and what is no priority is refused', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  const url = `/api/rest_j/v1/entrance/${taskID}/priority`;
  const running = await alice.post(url, {priority: 5});
  t.regex(running.body.message, /does not wait/);
  for (const priority of [-1, 1.5, 'high', 1_000_001]) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await alice.post(url, {priority})).body.status, 1, String(priority));
  }
});
