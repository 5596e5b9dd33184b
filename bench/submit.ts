/**
 * Durable submissions over HTTP, 64 connections, against a route of the same framework that validates and echoes the same
 * body. Durable: an answer with status 0 comes after the commit (`synchronous=FULL`).
 *
 * One job holds the only running slot of its group, so that what is measured is accepting: nothing else runs meanwhile.
 */
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {startNode} from '../test/support/node-process.ts';
import {loadFor, type Load} from './http-load.ts';
import {interleaved, median, percentile, row, type BenchOptions, type Row} from './row.ts';

const connections = 64;
const p99LimitMs = 50;

export async function benchSubmit({isShort}: BenchOptions): Promise<Row[]> {
  const cleanUps: (() => Promise<void>)[] = [];
  const roundMs = isShort ? 1500 : 4000;
  try {
    const node = await startNode(
      {teardown: cleanUp => cleanUps.push(cleanUp)},
      {
        program: 'built',
        leavesEngines: true,
        environment: {
          TENON_GOVERNANCE_GROUP_RUNNING_MAX: '1',
          TENON_GOVERNANCE_GROUP_WAITING_MAX: '1000000',
          TENON_HTTP_USER_UNFINISHED_JOBS_MAX: '1000000',
        },
      },
    );
    await node.login();
    const {user} = node.credentials();
    const labels = {engineType: 'shell-1', userCreator: `${user}-bench`};
    const bodyOf = (code: string): string =>
      JSON.stringify({
        executionContent: {code, runType: 'shell'},
        labels,
        params: {},
        source: {scriptPath: 'bench'},
      });
    await node.api('entrance/submit', {body: bodyOf('sleep 3600')});

    const echoUrl = await startEcho(cleanUps);
    const submit: Load = {
      url: `${node.url()}/api/rest_j/v1/entrance/submit`,
      headers: {cookie: node.cookie()},
      body: bodyOf('echo "$(date): a line of work that is never run"'),
      connections,
      isExpected: answer => answer.startsWith('HTTP/1.1 200') && answer.includes('"status":0'),
    };
    const echo: Load = {...submit, url: `${echoUrl}/echo`};

    await loadFor(submit, 1000);
    await loadFor(echo, 1000);
    const samples = await interleaved(isShort ? 2 : 5, {
      submit: async () => (await loadFor(submit, roundMs)).perSecond,
      echo: async () => (await loadFor(echo, roundMs)).perSecond,
    });
    const perSecond = median(samples.submit);
    const {latenciesMs} = await loadFor(submit, roundMs * 2, perSecond / 2);

    return [
      row({
        name: 'durable submissions over HTTP',
        ours: perSecond,
        unit: '/s',
        against: 'validate and echo',
        theirs: median(samples.echo),
        atLeast: 0.4,
        note: `${connections} connections; durable (answered after the commit), the echo stores nothing`,
      }),
      row({
        name: 'submission p99 at half that rate',
        ours: percentile(latenciesMs, 0.99),
        unit: 'ms',
        against: 'limit',
        theirs: p99LimitMs,
        atMost: 1,
        note: `p50 ${percentile(latenciesMs, 0.5).toFixed(1)} ms at ${(perSecond / 2).toFixed(0)} /s; durable`,
      }),
    ];
  } finally {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  }
}

async function startEcho(cleanUps: (() => Promise<void>)[]): Promise<string> {
  const program = fileURLToPath(new URL('echo-server.ts', import.meta.url));
  const child = spawn(process.execPath, [program], {stdio: ['ignore', 'pipe', 'inherit']});
  cleanUps.push(async () => {
    child.kill('SIGKILL');
  });
  for await (const line of createInterface({input: child.stdout})) {
    const {listen} = JSON.parse(line) as {listen: string};
    return listen;
  }
  throw new Error('The echo server ended before it listened.');
}
