/** The preview of a route, and the route label of a request. */
import test from 'ava';
import {NoUnlabelledInstanceError, RouteNotFoundError} from '../../actors/route.ts';
import {errorReply} from '../../http/error-reply.ts';
import {routeLabelOf} from '../../http/route-label.ts';
import {startRoutingFacade} from '../support/routing-world.ts';

const preview = '/api/rest_j/v1/gateway/route/preview';

test('says which instance a request would reach, and why no other', async t => {
  const {facade} = await startRoutingFacade(t);
  const root = await facade.as('root');
  const {status, body} = await root.get(`${preview}?route=et1`);
  t.is(status, 200);
  t.is(body.method, '/api/gateway/route/preview');
  t.deepEqual(body.data, {
    routeLabel: 'et1',
    instance: 'b:9104',
    rule: 'only',
    candidates: [{instance: 'b:9104', share: 1}],
    rejected: [
      {instance: 'a:9104', reason: 'it carries no route label'},
      {instance: 'c:9104', reason: 'it has no entrance'},
    ],
    failure: null,
  });
  const {body: none} = await root.get(preview);
  t.like(none.data, {routeLabel: null, instance: 'a:9104'});
});

test('says that a request would fail, and with what', async t => {
  const {facade} = await startRoutingFacade(t);
  const root = await facade.as('root');
  const {status, body} = await root.get(`${preview}?route=et2`);
  t.is(status, 200);
  t.like(body.data, {routeLabel: 'et2', instance: null, rule: null, failure: {code: 11_011}});
  t.is((body.data['rejected'] as unknown[]).length, 3);
});

test('is for administrators', async t => {
  const {facade} = await startRoutingFacade(t);
  t.is((await (await facade.as('alice')).get(preview)).body.message, 'only admin can do this');
});

const request = (body: unknown, url = '/api/v1/entrance/submit') => ({
  url,
  requestId: 'r',
  body,
  bodyText: JSON.stringify(body),
  instance: {host: 'gw.example.com', port: 9001},
  bodyBytesMax: 1,
});

test('11011 names the route that was asked for, also when it was no text in the body', t => {
  const body = {labels: {route: {stringValue: 'et2'}}};
  const {httpStatus, envelope} = errorReply(new RouteNotFoundError('et2'), request(body));
  t.is(httpStatus, 200);
  t.deepEqual(envelope, {
    method: '/api/rest_j/v1/entrance/submit',
    status: 1,
    message:
      'GatewayErrorException: errCode: 11011 ,desc: Cannot route to the corresponding service, URL: /api/rest_j/v1/entrance/submit' +
      ' RouteLabel: [{"stringValue":"et2","labelKey":"route","feature":null,"modifiable":true,"featureKey":"feature","empty":false}]' +
      ' ,ip: gw.example.com ,port: 9001 ,serviceKind: linkis-mg-gateway',
    data: {data: JSON.stringify(body)},
  });
});

test('11011 names a route that stood in the query or a header', t => {
  const {envelope} = errorReply(
    new RouteNotFoundError('et2'),
    request(null, '/api/entrance/x/status?route=et2'),
  );
  t.regex(
    envelope.message,
    /URL: \/api\/rest_j\/v1\/entrance\/x\/status RouteLabel: \[\{"stringValue":"et2"/,
  );
});

test('11011 without a label names the URL, also when the label in the body is blank', t => {
  const {envelope} = errorReply(new NoUnlabelledInstanceError(), request({labels: {route: ''}}));
  t.is(
    envelope.message,
    'GatewayErrorException: errCode: 11011 ,desc: There are no services available in the registry' +
      ' URL: /api/rest_j/v1/entrance/submit (注册表 URL 中没有可用的服务) ,ip: gw.example.com ,port: 9001 ,serviceKind: linkis-mg-gateway',
  );
});

for (const [where, given, expected] of [
  ['the body', {body: {labels: {route: 'et1'}}, query: {route: 'et2'}}, 'et1'],
  ['the body, as an object', {body: {labels: {route: {stringValue: 'et1'}}}}, 'et1'],
  ['the query', {body: null, query: {route: ' et2 '}}, 'et2'],
  ['the header', {headers: {'x-route-label': 'et3'}}, 'et3'],
  ['the query, twice', {query: {route: ['et1', 'et2']}}, 'et1'],
  ['nowhere', {body: {labels: {}}, query: {}}, undefined],
  ['a blank query', {query: {route: ''}}, undefined],
] as const) {
  test(`the route label of a request is found in ${where}`, t => t.is(routeLabelOf(given), expected));
}
