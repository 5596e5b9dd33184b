/** The far side of the cluster benchmark, a process of its own: a node with links, plain and through TLS, and bare peers. */
import {createServer as createHttpServer} from 'node:http';
import {createServer as createTcpServer, type AddressInfo, type Server} from 'node:net';
import {monitorEventLoopDelay} from 'node:perf_hooks';
import {Unpackr} from 'msgpackr';
import {WebSocketServer} from 'ws';
import type {Machine} from '../actors/runtime/machine.ts';
import {
  answerKey,
  lineKey,
  machineOf,
  messageBytes,
  sinkKey,
  startNode,
  targets,
  type Job,
  type Line,
  type Question,
} from './cluster-contenders.ts';

/** `port` of each server, by name. */
export type NodeReport =
  | {readonly type: 'ports'; readonly ports: Readonly<Record<string, number>>}
  | {readonly type: 'ready'}
  | {readonly type: 'done'; readonly loopDelayMsP99: number};
export type NodeTask = {readonly expect: number};

let left = 0;
const loopDelay = monitorEventLoopDelay({resolution: 1});

const say = (report: NodeReport): void => void process.send?.(report);

function count(messages: number): void {
  if (left <= 0) return;
  left -= messages;
  if (left > 0) return;
  loopDelay.disable();
  say({type: 'done', loopDelayMsP99: loopDelay.percentile(99) / 1e6});
}

process.on('message', ({expect}: NodeTask) => {
  left = expect;
  loopDelay.reset();
  loopDelay.enable();
  say({type: 'ready'});
});
process.on('disconnect', () => process.exit(0));

const sink: Machine<undefined, Job, never> = {
  initial: undefined,
  decide(state) {
    count(1);
    return {state, effects: []};
  },
  perform() {},
};

const listen = (server: Server): Promise<number> =>
  new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

const ports: Record<string, number> = {};
for (const name of ['links', 'linksTls'] as const) {
  const node = await startNode(`localhost:${name === 'links' ? 9201 : 9202}`, name === 'linksTls');
  const {receptionist} = node.links;
  for (let target = 0; target < targets; target += 1) {
    receptionist.publish(sinkKey('atMostOnce', target), node.system.spawn('sink', sink));
    receptionist.publish(sinkKey('reliable', target), node.system.spawn('sink', sink));
  }
  receptionist.publish(
    answerKey,
    node.system.spawn(
      'answers',
      machineOf<Question>(({replyTo, job}) => void replyTo.tell({ok: true, seq: job.seq})),
    ),
  );
  receptionist.publish(
    lineKey,
    node.system.spawn(
      'lines',
      machineOf<Line>(({replyTo}) => {
        if (replyTo === undefined) count(1);
        else replyTo.tell(true);
      }),
      {isControl: ({type}: Line) => type === 'kill'},
    ),
  );
  ports[name] = node.port;
}

// Bare peers: what comes is counted, and sent back where the path says so.
ports['tcpSink'] = await listen(
  createTcpServer(socket => {
    let bytes = 0;
    socket.on('data', chunk => {
      bytes += chunk.length;
      const whole = Math.floor(bytes / messageBytes);
      bytes -= whole * messageBytes;
      count(whole);
    });
    socket.on('error', () => {});
  }),
);
ports['tcpEcho'] = await listen(
  createTcpServer(socket => {
    socket.setNoDelay(true);
    socket.on('data', chunk => socket.write(chunk));
    socket.on('error', () => {});
  }),
);
const wsServer = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  maxPayload: 8 << 20,
});
wsServer.on('connection', (socket, {url}) => {
  const unpackr = new Unpackr({sequential: true});
  socket.on('error', () => {});
  socket.on('message', (data: Buffer) => {
    if (url === '/echo') socket.send(data);
    else if (url === '/packed') count((unpackr.unpack(data) as unknown[]).length);
    else if (url === '/json') count((JSON.parse(data.toString()) as unknown[]).length);
    else count(data.length / 4096);
  });
});
await new Promise(resolve => wsServer.once('listening', resolve));
ports['ws'] = (wsServer.address() as AddressInfo).port;
ports['http'] = await listen(
  createHttpServer((request, response) => {
    let body = '';
    request.on('data', chunk => (body += chunk));
    request.on('end', () => {
      const {seq} = JSON.parse(body) as Job;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ok: true, seq}));
    });
  }),
);
say({type: 'ports', ports});
