/**
 * The links between two nodes against raw TCP, bare ws and HTTP, two processes on one machine, all interleaved in one run:
 * the goals P6 to P13. `node bench/run.ts cluster` prints the table.
 */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import type {Delivery} from '../actors/runtime/receptionist.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {
  answerKey,
  job,
  lineKey,
  sinkKey,
  startNode,
  targets,
  type Answer,
  type BenchNode,
  type Job,
  type Line,
  type Question,
} from './cluster-contenders.ts';
import type {NodeReport, NodeTask} from './cluster-node.ts';
import {httpEcho, roundTrips, tcpEcho, tcpFlood, turn, wsBytes, wsEcho, wsFlood} from './cluster-peers.ts';
import {interleaved, median, percentile, row, type BenchOptions, type Row} from './row.ts';

type Far = {
  readonly ports: Readonly<Record<string, number>>;
  /** Resolves when the far side has counted so many; with its loop's delay meanwhile. */
  readonly expect: (count: number) => Promise<{readonly done: Promise<{loopDelayMsP99: number}>}>;
  readonly close: () => void;
};

async function startFar(): Promise<Far> {
  const child = fork(fileURLToPath(new URL('cluster-node.ts', import.meta.url)));
  const next = async <Type extends NodeReport['type']>(type: Type): Promise<NodeReport & {type: Type}> => {
    for (;;) {
      const [report] = (await once(child, 'message')) as [NodeReport];
      if (report.type === type) return report as NodeReport & {type: Type};
    }
  };
  const {ports} = await next('ports');
  return {
    ports,
    async expect(count) {
      const ready = next('ready');
      const task: NodeTask = {expect: count};
      child.send(task);
      await ready;
      return {done: next('done')};
    },
    close: () => child.disconnect(),
  };
}

/** A node of ours, linked to the far one. */
type Near = {
  readonly node: BenchNode;
  readonly sinks: (delivery: Delivery) => Ref<Job>[];
  readonly answers: Ref<Question>;
  readonly lines: Ref<Line>;
};

async function startNear(far: Far, name: 'links' | 'linksTls'): Promise<Near> {
  const isTls = name === 'linksTls';
  const node = await startNode(`localhost:${isTls ? 9204 : 9203}`, isTls);
  const instance = `localhost:${isTls ? 9202 : 9201}`;
  node.links.connect({instance, address: `127.0.0.1:${far.ports[name] ?? 0}`});
  const {receptionist} = node.links;
  while (receptionist.find(lineKey, instance) === undefined) await turn();
  const found = <Message>(ref: Ref<Message> | undefined): Ref<Message> => {
    if (ref === undefined) throw new Error('A service of the far node is missing.');
    return ref;
  };
  return {
    node,
    sinks: delivery =>
      Array.from({length: targets}, (_, target) =>
        found(receptionist.find(sinkKey(delivery, target), instance)),
      ),
    answers: found(receptionist.find(answerKey, instance)),
    lines: found(receptionist.find(lineKey, instance)),
  };
}

/** Messages a second until the far side has counted all; `late` collects how late a 5 ms timer of ours was. */
async function tellFlood(
  far: Far,
  sinks: readonly Ref<Job>[],
  messages: number,
  seen?: {loopMs: number[]; lateMs: number[]},
): Promise<number> {
  const {done} = await far.expect(messages);
  let dueMs = performance.now() + 5;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    seen?.lateMs.push(Math.max(0, nowMs - dueMs));
    dueMs = nowMs + 5;
  }, 5);
  const startedMs = performance.now();
  for (let sent = 0; sent < messages;) {
    for (
      let left = 256;
      left > 0 && sent < messages && sinks[sent % targets]?.tell(job(sent)) === true;
      left -= 1
    ) {
      sent += 1;
    }
    await turn();
  }
  const {loopDelayMsP99} = await done;
  clearInterval(timer);
  seen?.loopMs.push(loopDelayMsP99);
  return (messages / (performance.now() - startedMs)) * 1000;
}

async function lineFlood(far: Far, lines: Ref<Line>, pieces: number): Promise<number> {
  const {done} = await far.expect(pieces);
  const bytes = Buffer.alloc(4096, 65);
  const startedMs = performance.now();
  for (let sent = 0; sent < pieces;) {
    for (let left = 64; left > 0 && sent < pieces && lines.tell({type: 'line', bytes}); left -= 1) sent += 1;
    await turn();
  }
  await done;
  return (pieces / (performance.now() - startedMs)) * 1000;
}

/** Milliseconds until each of `kills` was answered, while 8 KB lines saturate the link. */
async function killsUnderFlood({node, lines}: Near, kills: number): Promise<number[]> {
  const bytes = Buffer.alloc(8192, 65);
  let isFlooding = true;
  const flood = (async () => {
    while (isFlooding) {
      while (lines.tell({type: 'line', bytes}));
      await turn();
    }
  })();
  const taken: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const atMs = performance.now();
    await node.system.ask<Line, boolean>(lines, replyTo => ({type: 'kill', replyTo}), 10_000);
    taken.push(performance.now() - atMs);
    await new Promise(resolve => {
      setTimeout(resolve, 5);
    });
  }
  isFlooding = false;
  await flood;
  return taken;
}

const askOf = ({node, answers}: Near): ((number: number) => Promise<unknown>) => {
  const {system} = node;
  return number =>
    system.ask<Question, Answer>(answers, replyTo => ({type: 'ask', job: job(number), replyTo}), 10_000);
};

async function flooded(
  far: Far,
  count: number,
  run: (done: Promise<unknown>) => Promise<void>,
): Promise<number> {
  const {done} = await far.expect(count);
  const startedMs = performance.now();
  await run(done);
  return (count / (performance.now() - startedMs)) * 1000;
}

/** As `interleaved`, after a round that does not count: everything is compiled then. */
async function measured<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => Promise<number>>>,
  onWarm: () => void = () => {},
): Promise<Record<Name, number[]>> {
  await interleaved(1, contenders);
  onWarm();
  return interleaved(rounds, contenders);
}

/** P6, P7, P10, P11 (tell) and P13. */
async function floodRows(far: Far, near: Near, tls: Near, rounds: number, scale: number): Promise<Row[]> {
  const {ports} = far;
  const seen = {loopMs: [] as number[], lateMs: [] as number[]};
  const some = 200_000 * scale;
  const few = 40_000 * scale;
  const pieces = 32_000 * scale;
  const ws = ports['ws'] ?? 0;
  const samples = await measured(
    rounds,
    {
      tell: () => tellFlood(far, near.sinks('atMostOnce'), some, seen),
      reliable: () => tellFlood(far, near.sinks('reliable'), some),
      tls: () => tellFlood(far, tls.sinks('atMostOnce'), some),
      limit: () =>
        flooded(far, some - (some % 128), done => wsFlood(ws, '/packed', 128, some - (some % 128), done)),
      tcp: () => flooded(far, few, done => tcpFlood(ports['tcpSink'] ?? 0, few, done)),
      json: () => flooded(far, few, done => wsFlood(ws, '/json', 1, few, done)),
      lines: () => lineFlood(far, near.lines, pieces),
      bytes: () => flooded(far, pieces, done => wsBytes(ws, pieces, done)),
    },
    () => {
      seen.loopMs.length = 0;
      seen.lateMs.length = 0;
    },
  );
  const {tell, reliable, limit, tcp, json, lines, bytes} = samples;
  const perSecond = {unit: 'messages/s'};
  const told = {name: 'remote tell, 200 B job', ours: median(tell), ...perSecond};
  return [
    row({...told, against: 'codec and ws alone', theirs: median(limit), atLeast: 0.6}),
    row({...told, against: 'raw TCP, one write each', theirs: median(tcp), atLeast: 3}),
    row({...told, against: 'JSON, one ws frame each', theirs: median(json), atLeast: 4}),
    row({
      name: 'reliable remote tell',
      ours: median(reliable),
      ...perSecond,
      against: 'remote tell',
      theirs: median(tell),
      atLeast: 0.45,
    }),
    row({
      name: 'log transport, 4 KB batches',
      ours: median(lines),
      unit: 'batches/s',
      against: 'ws, 64 KB frames',
      theirs: median(bytes),
      atLeast: 0.6,
    }),
    row({
      name: 'remote tell through TLS',
      ours: median(samples.tls),
      ...perSecond,
      against: 'remote tell',
      theirs: median(tell),
      atLeast: 0.8,
    }),
    row({
      name: 'loop delay under remote tell, p99',
      ours: median(seen.loopMs),
      unit: 'ms',
      against: '10 ms',
      theirs: 10,
      atMost: 1,
    }),
    row({
      name: '5 ms timer late under remote tell, p99',
      ours: percentile(seen.lateMs, 0.99),
      unit: 'ms',
      against: '5 ms',
      theirs: 5,
      atMost: 1,
    }),
  ];
}

/** P8, P9 and P11 (ask). */
async function askRows(far: Far, near: Near, tls: Near, rounds: number, scale: number): Promise<Row[]> {
  const {ports} = far;
  const asks = {
    ours: askOf(near),
    tls: askOf(tls),
    tcp: await tcpEcho(ports['tcpEcho'] ?? 0),
    ws: await wsEcho(ports['ws'] ?? 0),
    http: httpEcho(ports['http'] ?? 0),
  };
  const micros: Record<string, number[]> = {};
  const alone = (name: string, ask: (number: number) => Promise<unknown>) => async () => {
    const trips = await roundTrips(4000 * scale, 1, ask);
    (micros[name] ??= []).push(...trips.micros);
    return percentile(trips.micros, 0.5);
  };
  const many = (count: number, ask: (number: number) => Promise<unknown>) => async () =>
    (await roundTrips(count * scale, 64, ask)).perSecond;
  const p50 = await measured(
    rounds,
    {
      ours: alone('ours', asks.ours),
      tls: alone('tls', asks.tls),
      tcp: alone('tcp', asks.tcp.ask),
      ws: alone('ws', asks.ws.ask),
    },
    () => {
      for (const list of Object.values(micros)) list.length = 0;
    },
  );
  const rates = await measured(rounds, {
    ours: many(60_000, asks.ours),
    tcp: many(60_000, asks.tcp.ask),
    http: many(6000, asks.http.ask),
  });
  for (const echo of [asks.tcp, asks.ws, asks.http]) echo.close();
  const p99 = (name: string): number => percentile(micros[name] ?? [], 0.99);
  const first = {name: 'remote ask, one at a time, p50', ours: median(p50.ours), unit: 'µs'};
  const both = {name: 'remote ask, 64 in flight', ours: median(rates.ours), unit: 'answers/s'};
  return [
    row({...first, against: 'bare ws echo', theirs: median(p50.ws), atMost: 1.6}),
    row({...first, against: 'raw TCP echo', theirs: median(p50.tcp), atMost: 2.5}),
    row({
      name: 'remote ask, one at a time, p99',
      ours: p99('ours'),
      unit: 'µs',
      against: 'raw TCP echo',
      theirs: p99('tcp'),
      atMost: 2.5,
    }),
    row({...both, against: 'raw TCP echo', theirs: median(rates.tcp), atLeast: 1.2}),
    row({...both, against: 'HTTP keep-alive, JSON', theirs: median(rates.http), atLeast: 12}),
    row({
      name: 'remote ask through TLS, p50',
      ours: median(p50.tls),
      unit: 'µs',
      against: 'remote ask',
      theirs: median(p50.ours),
      atMost: 1.4,
    }),
  ];
}

/** All rows of the links; takes about a minute, a quarter of it when short. */
export async function benchCluster({isShort}: BenchOptions): Promise<Row[]> {
  const far = await startFar();
  const near = await startNear(far, 'links');
  const tls = await startNear(far, 'linksTls');
  const rounds = isShort ? 3 : 7;
  const scale = isShort ? 0.5 : 1;
  const rows = [
    ...(await floodRows(far, near, tls, rounds, scale)),
    ...(await askRows(far, near, tls, rounds, scale)),
  ];
  const kills = await killsUnderFlood(near, isShort ? 100 : 400);
  rows.push(
    row({
      name: 'kill under a log flood, p99',
      ours: percentile(kills, 0.99),
      unit: 'ms',
      against: '20 ms',
      theirs: 20,
      atMost: 1,
      note: 'answer included',
    }),
  );
  await near.node.close();
  await tls.node.close();
  far.close();
  return rows;
}
