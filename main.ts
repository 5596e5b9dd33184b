/** `tenon start`: a node as a process of its own, from its options to its last signal. */
import {join} from 'node:path';
import {pino, type Logger} from 'pino';
import {readConfig, type Config} from './config.ts';
import type {FirstAdministrator} from './first-administrator.ts';
import {startNode} from './node-start.ts';
import type {RunningNode} from './node-running.ts';

/** `tenon start`: runs a node until a signal ends it. Rejects when it can't start; the message is for people. */
export async function runStart(options: Readonly<Record<string, unknown>>): Promise<void> {
  const config = readConfig({options});
  // Standard output is for the ready line alone.
  const log = pino({level: config.node.logLevel}, pino.destination({dest: 2, sync: true}));
  const node = await startNode(config, {
    log,
    onFatal: why => {
      log.fatal(why);
      process.exit(exitCodes.fatal);
    },
  });
  const {url, instance, administrator} = node;
  process.stderr.write(
    `${node.boot}\n\n  ${url}\n${administrator === undefined ? '' : welcome(administrator, config)}\n`,
  );
  process.stdout.write(`${JSON.stringify({event: 'ready', listen: url, instance, pid: process.pid})}\n`);
  await stopOnSignal(node, log);
}

const exitCodes = {fatal: 70, secondSignal: 130};

const welcome = ({user, password, isGenerated}: FirstAdministrator, {dataDirectory}: Config): string =>
  isGenerated
    ? `  administrator ${user}, password ${password}\n  (also in ${join(dataDirectory, 'credentials')}; change it with: tenon user password ${user})\n`
    : `  administrator ${user}, with the password of your file\n`;

async function stopOnSignal(node: RunningNode, log: Logger): Promise<void> {
  const signalled = new Promise<void>(resolve => {
    process.on('SIGTERM', resolve);
    process.on('SIGINT', resolve);
  });
  const by = await Promise.race([signalled, node.isAskedToLeave]);
  if (by !== undefined) log.info({by}, 'this node was asked to leave');
  const stopAtOnce = (): never => process.exit(exitCodes.secondSignal);
  process.on('SIGTERM', stopAtOnce);
  process.on('SIGINT', stopAtOnce);
  const leftAtWork = await node.stop();
  if (leftAtWork.length > 0) {
    log.info({engines: leftAtWork}, 'engines left at work: their jobs are taken up again at the next start');
  }
  process.exit(0);
}
