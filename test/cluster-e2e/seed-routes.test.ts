/** The seed's examples 5.1 to 5.4 as they are written: what is sent, and what comes back. */
import test from 'ava';
import {startClusterProcesses} from '../support/cluster-processes.ts';

/** The body of the examples, byte for byte; `route` as it is or left out. */
const bodyOf = (route?: string): string => `{
    "executionContent": {"code": "echo 1", "runType": "shell"},
    "params": {"variable": {}, "configuration": {}},
    "source": {"scriptPath": "ip"},
    "labels": {
        "engineType": "shell-1",
        "userCreator": "peacewong-IDE"${route === undefined ? '' : `,\n        "route": "${route}"`}
    }
}`;

test('requests with the route label reach the labelled entrance, those without the other, a route nobody serves fails with 11011', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    administrator: 'peacewong',
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory']},
      {name: 'plain', roles: ['entrance', 'ecm']},
      // 5.1
      {
        name: 'labelled',
        roles: ['entrance', 'ecm'],
        label: 'et1',
        configFile: 'spring.eureka.instance.metadata-map.route=et1\n',
      },
    ],
  });
  const send = (route?: string) =>
    cluster.api<{taskID: number; execID: string; data: string}>('/api/v1/entrance/submit', {
      body: bodyOf(route),
    });

  // 5.2 and 5.4, several times: chance must have no part in it.
  for (const [route, name] of [
    ['et1', 'labelled'],
    [undefined, 'plain'],
    ['et1', 'labelled'],
    [undefined, 'plain'],
  ] as const) {
    const {httpStatus, headers: _, ...answer} = await send(route);
    const {taskID, execID} = answer.data;
    t.is(httpStatus, 200);
    t.deepEqual(answer, {
      method: '/api/entrance/submit',
      status: 0,
      message: 'OK',
      data: {taskID, execID},
    } as unknown as typeof answer);
    const {instance} = cluster.node(name);
    const length = String(instance.length).padStart(3, '0');
    t.is(execID, `exec_id018${length}linkis-cg-entrance${instance}IDE_peacewong_shell_${taskID}`);
    const task = await cluster.ended(taskID);
    t.is(task.status, 'Succeed', JSON.stringify(task));
    t.is(task.instance, instance);
    t.deepEqual(await cluster.results(task), [['1']]);
  }

  // 5.3
  const {httpStatus, headers: _, ...answer} = await send('et2');
  const {hostname, port} = new URL(cluster.url());
  t.is(httpStatus, 200);
  t.is(answer.method, '/api/rest_j/v1/entrance/submit');
  t.is(answer.status, 1);
  const label =
    '{"stringValue":"et2","labelKey":"route","feature":null,"modifiable":true,"featureKey":"feature","empty":false}';
  const place = /,ip: (\S+) ,port: (\d+) ,serviceKind: linkis-mg-gateway$/.exec(answer.message);
  t.is(place?.[2], port, answer.message);
  t.truthy(place?.[1], hostname);
  t.is(
    answer.message.slice(0, place?.index),
    `GatewayErrorException: errCode: 11011 ,desc: Cannot route to the corresponding service, URL: /api/rest_j/v1/entrance/submit RouteLabel: [${label}] `,
  );
  t.deepEqual(answer.data as unknown, {data: bodyOf('et2')});

  // Nothing came of it.
  const {data} = await cluster.api<{totalPage: number}>('jobhistory/list');
  t.is(data.totalPage, 4);
});

test('a labelled entrance that is gone is not replaced by an unlabelled one, nor the other way round', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory', 'ecm']},
      {name: 'plain', roles: ['entrance']},
      {name: 'labelled', roles: ['entrance'], label: 'et1'},
    ],
  });
  await cluster.submit('true', {label: 'et1'});
  t.is(await cluster.stop('labelled'), 0);
  const toRoute = await cluster.trySubmit('true', {label: 'et1'});
  t.is(toRoute.status, 1);
  t.regex(toRoute.message, /errCode: 11011 .*RouteLabel: \[\{"stringValue":"et1"/);
  await cluster.restart('labelled');
  t.is(await cluster.stop('plain'), 0);
  const toNone = await cluster.trySubmit('true');
  t.is(toNone.status, 1);
  t.regex(toNone.message, /errCode: 11011 /);
  const {taskID} = await cluster.submit('true', {label: 'et1'});
  t.is((await cluster.ended(taskID)).status, 'Succeed');
});
