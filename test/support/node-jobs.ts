/** Jobs on a node process, as a client sees them. */
import {setTimeout as sleep} from 'node:timers/promises';
import type {NodeProcess} from './node-process.ts';

export type TaskView = {
  readonly status: string;
  readonly errCode: number | null;
  readonly errDesc: string | null;
  readonly logPath: string;
  readonly resultLocation: string;
};

export const jobEnds = ['Succeed', 'Failed', 'Cancelled', 'Timeout'];

/** Submits as the logged-in administrator; throws the answer's message when it is refused. */
export async function submitJob(
  node: NodeProcess,
  code: string,
  {
    runType = 'shell',
    labels = {},
  }: {readonly runType?: string; readonly labels?: Readonly<Record<string, string>>} = {},
): Promise<{readonly taskID: number; readonly execID: string}> {
  const engineType = runType === 'python' ? 'python-python3' : 'shell-1';
  const {user} = node.credentials();
  const answer = await node.api<{taskID: number; execID: string}>('entrance/submit', {
    body: {executionContent: {code, runType}, labels: {engineType, userCreator: `${user}-IDE`, ...labels}},
  });
  if (answer.status !== 0) throw new Error(answer.message);
  return answer.data;
}

/** With its paths as files of this machine: clients get URIs, unescaped as Linkis' are. */
export async function taskOf(node: NodeProcess, taskID: number): Promise<TaskView> {
  const {task} = (await node.api<{task: TaskView}>(`jobhistory/${taskID}/get`)).data;
  return {...task, logPath: plain(task.logPath), resultLocation: plain(task.resultLocation)};
}

const plain = (uri: string): string => uri.replace(/^file:\/\//, '');

/** Polls as clients do: across a restart there is no event. */
export async function untilStatus(
  node: NodeProcess,
  taskID: number,
  wanted: readonly string[],
  limitMs = 45_000,
): Promise<TaskView> {
  for (const startMs = performance.now(); ;) {
    const task = await taskOf(node, taskID);
    if (wanted.includes(task.status)) return task;
    if (performance.now() - startMs > limitMs) {
      throw new Error(
        `job ${taskID} is ${task.status} after ${limitMs} ms; the node wrote:\n${node.log().slice(-3000)}`,
      );
    }
    await sleep(50);
  }
}
