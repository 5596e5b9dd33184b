/** The port for health and metrics as part of a node: opened where there is no facade, closed with the node. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {randomBytes} from 'node:crypto';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {pino} from 'pino';
import {ConfigError, readConfig} from '../../config.ts';
import {startNode} from '../../node-start.ts';
import type {RunningNode} from '../../node-running.ts';
import {freePort} from '../support/cluster-node.ts';

type Started = {readonly node: RunningNode; readonly health: string; readonly get: typeof ask};

/** A member of a cluster of one, without engines. */
async function start(t: ExecutionContext, roles: string): Promise<Started> {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-health-'));
  const secret = join(directory, 'secret');
  writeFileSync(secret, randomBytes(48).toString('base64'), {mode: 0o600});
  const health = `127.0.0.1:${await freePort()}`;
  const config = readConfig({
    options: {
      data: join(directory, 'data'),
      listen: '127.0.0.1:0',
      cluster: '127.0.0.1:0',
      clusterSecretFile: secret,
      roles,
      health,
    },
    environment: {},
  });
  const node = await startNode(config, {log: pino({level: 'silent'}), onFatal: why => t.fail(why)});
  t.teardown(async () => {
    await node.stop();
    rmSync(directory, {recursive: true});
  });
  return {node, health, get: ask};
}

async function ask(url: string): Promise<{status: number; text: string}> {
  const response = await fetch(url);
  return {status: response.status, text: await response.text()};
}

test('an entrance without a facade says how it is, and what it counts as a member', async t => {
  const {health, node, get} = await start(t, 'entrance');
  t.deepEqual(await get(`http://${health}/health/live`), {status: 200, text: '{"status":"up"}'});
  t.deepEqual(await get(`http://${health}/health/ready`), {status: 200, text: '{"status":"ready"}'});
  const {text} = await get(`http://${health}/metrics`);
  t.regex(text, /^tenon_cluster_members\{state="(?:joining|up)"\} 1$/m);
  t.regex(text, /^tenon_lease_frozen 0$/m);
  t.regex(text, /^tenon_lease_age_seconds [\d.]+$/m);
  t.regex(text, /^tenon_actors_alive \d+$/m);
  // What only an ECM has is left out, not 0.
  t.notRegex(text, /^tenon_ecm_engines_max/m);
  t.is((await get(`http://${health}/api/user/userInfo`)).status, 404);
  await node.stop();
  await t.throwsAsync(get(`http://${health}/health/live`));
});

test('a gateway has them at its facade alone', async t => {
  const {health, node, get} = await start(t, 'gateway,entrance');
  t.is((await get(`${node.url}/health/live`)).status, 200);
  t.regex((await get(`${node.url}/metrics`)).text, /^tenon_cluster_members\{state="joining"\} \d$/m);
  await t.throwsAsync(get(`http://${health}/health/live`));
});

test('an address that can’t be read is a mistake of the configuration', t => {
  const error = t.throws(() => readConfig({options: {health: '9003'}, environment: {}}), {
    instanceOf: ConfigError,
  });
  t.regex(error.message, /health must be HOST:PORT/);
});
