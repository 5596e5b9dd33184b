/** Routes hold (G6) on one node: the seed's examples 5.2 to 5.4, with a node that carries the label. */
import test from 'ava';
import {jobEnds, submitJob, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';

test.serial(
  'a labelled node takes what asks for its label, and answers everything else with 11011',
  async t => {
    const node = await startNode(t, {args: ['--label', 'route=et1']});
    await node.login();
    const {taskID} = await submitJob(node, 'true', {labels: {route: 'et1'}});
    t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
    for (const [labels, why] of [
      [{route: 'et2'}, /errCode: 11011 .*RouteLabel: \[\{"stringValue":"et2","labelKey":"route"/],
      [{}, /errCode: 11011 .*no services available/],
    ] as const) {
      const body = {
        executionContent: {code: 'true', runType: 'shell'},
        labels: {engineType: 'shell-1', ...labels},
      };
      const answer = await node.api<{data: string}>('entrance/submit', {body});
      t.is(answer.httpStatus, 200);
      t.is(answer.status, 1);
      t.regex(answer.message, why);
      t.deepEqual(JSON.parse(answer.data.data), body);
    }
    const {data} = await node.api<{totalPage: number}>('jobhistory/list');
    t.is(data.totalPage, 1);
  },
);
