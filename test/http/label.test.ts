/** `entrance/operation/label/*`: the route label at run time, offline and back. */
import test from 'ava';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {startRoutingFacade, self} from '../support/routing-world.ts';

const label = '/api/rest_j/v1/entrance/operation/label';
const service = entranceService;

test('a new route label is in force when the answer comes, and a blank one takes it away', async t => {
  const {facade, router} = await startRoutingFacade(t);
  const root = await facade.as('root');
  const {status, body} = await root.post(`${label}/update`, {routeLabel: 'et7'});
  t.is(status, 200);
  t.like(body, {method: '/api/entrance/operation/label/update', status: 0});
  t.is(router.resolve({service, routeLabel: 'et7'}).instance, self);
  t.throws(() => router.resolve({service}), {name: 'NoUnlabelledInstanceError'});
  await root.post(`${label}/update`, {routeLabel: ''});
  t.is(router.resolve({service}).instance, self);
});

test('another instance is named by the query', async t => {
  const {facade, router, store} = await startRoutingFacade(t);
  const root = await facade.as('root');
  await root.post(`${label}/update?instance=b:9104`, {routeLabel: 'et9'});
  t.deepEqual(await store.labelsOf('b:9104'), {route: 'et9'});
  t.is(router.resolve({service, routeLabel: 'et9'}).instance, 'b:9104');
  const {body} = await root.post(`${label}/update?instance=nowhere:1`, {routeLabel: 'et9'});
  t.regex(body.message, /20937.*nowhere:1/);
});

test('offline: no job with or without the label comes here; back online everything is as before', async t => {
  const {facade, router} = await startRoutingFacade(t);
  const root = await facade.as('root');
  const isOnline = async (query = '') => (await root.get(`${label}/isOnline${query}`)).body.data['isOnline'];
  t.true(await isOnline('?instance=b:9104'));
  t.is((await root.get(`${label}/markoffline?instance=b:9104`)).status, 200);
  t.false(await isOnline('?instance=b:9104'));
  t.true(await isOnline());
  t.throws(() => router.resolve({service, routeLabel: 'et1'}), {name: 'RouteNotFoundError'});
  t.is(router.resolve({service}).instance, self);
  t.is((await root.post(`${label}/backonline?instance=b:9104`)).status, 200);
  t.true(await isOnline('?instance=b:9104'));
  t.is(router.resolve({service, routeLabel: 'et1'}).instance, 'b:9104');
  t.deepEqual(
    facade.logged.filter(line => line['audit'] === true && line['instance']).map(line => line['action']),
    ['markedOffline', 'backOnline'],
  );
});

test("Linkis' own mark, the route offline, counts and is taken away", async t => {
  const {facade, router, store} = await startRoutingFacade(t);
  const root = await facade.as('root');
  await root.post(`${label}/update`, {routeLabel: 'offline'});
  t.false((await root.get(`${label}/isOnline`)).body.data['isOnline']);
  t.throws(() => router.resolve({service}), {name: 'NoUnlabelledInstanceError'});
  await root.get(`${label}/backonline`);
  t.deepEqual(await store.labelsOf(self), {});
  t.is(router.resolve({service}).instance, self);
});

test('only administrators change anything; everybody may ask', async t => {
  const {facade, store} = await startRoutingFacade(t);
  const alice = await facade.as('alice');
  const {status, body} = await alice.post(`${label}/update`, {routeLabel: 'et7'});
  t.is(status, 400);
  t.is(body.message, 'Non-administrators cannot update Route Label');
  for (const name of ['markoffline', 'backonline']) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await alice.get(`${label}/${name}`)).body.status, 1, name);
  }
  t.deepEqual(await store.labelsOf(self), {});
  t.true((await alice.get(`${label}/isOnline`)).body.data['isOnline']);
  t.is((await facade.client().get(`${label}/isOnline`)).status, 401);
});

test('a label that no instance may carry is refused', async t => {
  const {facade, store} = await startRoutingFacade(t);
  const root = await facade.as('root');
  t.regex((await root.post(`${label}/update`, {routeLabel: 'a-b'})).body.message, /25002/);
  t.is((await root.post(`${label}/update`, {routeLabel: 5})).status, 400);
  t.deepEqual(await store.labelsOf(self), {});
});
