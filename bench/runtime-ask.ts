/** Questions against nact's `query`: one at a time, and 50,000 open at once. */
import {dispatch, query, spawn, stop, type Ref as NactRef} from 'nact';
import type {Machine} from '../actors/runtime/machine.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import type {ActorSystem} from '../actors/runtime/system.ts';
import type {BenchOptions, Row} from './row.ts';
import {compare, newNact, newSystem} from './runtime-contenders.ts';

type Question = {readonly number: number; readonly replyTo: Ref<number>};

/** Few in a sample, as a sample is a loop of turns that any other process can stretch. */
const questions = 1000;
const openQuestions = 50_000;

const echo: Machine<undefined, Question, Question> = {
  initial: undefined,
  decide: (state, question) => ({state, effects: [question]}),
  perform: ({number, replyTo}) => void replyTo.tell(number),
};

export async function benchAsk(options: BenchOptions): Promise<Row[]> {
  const system = newSystem();
  const nact = newNact();
  const oneByOne = await compare(
    options,
    {name: 'ask, one at a time', unit: 'answers/s', against: 'nact query'},
    1.2,
    () => askOneByOne(system),
    () => queryOneByOne(nact),
    20,
  );
  await system.shutdown(1000);
  return [oneByOne, ...(await askManyOpen(options))];
}

async function askOneByOne(system: ActorSystem): Promise<number> {
  const ref = system.spawn('echo', echo);
  const startedMs = performance.now();
  for (let number = 0; number < questions; number += 1) {
    await system.ask<Question, number>(ref, replyTo => ({number, replyTo}), 10_000);
  }
  const rate = (questions / (performance.now() - startedMs)) * 1000;
  await system.stop(ref);
  return rate;
}

const nactEcho = (
  system: NactRef<never>,
): NactRef<{readonly number: number; readonly replyTo: NactRef<number>}> =>
  spawn(
    system,
    (_state: undefined, message: {readonly number: number; readonly replyTo: NactRef<number>}) => {
      dispatch(message.replyTo, message.number);
      return undefined;
    },
  );

async function queryOneByOne(system: NactRef<never>): Promise<number> {
  const ref = nactEcho(system);
  const startedMs = performance.now();
  for (let number = 0; number < questions; number += 1) {
    await query(ref, (replyTo: NactRef<number>) => ({number, replyTo}), 10_000);
  }
  const rate = (questions / (performance.now() - startedMs)) * 1000;
  stop(ref);
  return rate;
}

/** Answers a second until the last one that came, and how many were missing or wrong. */
async function allAtOnce(ask: (number: number) => Promise<unknown>): Promise<{rate: number; lost: number}> {
  let right = 0;
  let lastMs = 0;
  const startedMs = performance.now();
  const settled = Array.from({length: openQuestions}, async (_, number) => {
    try {
      if ((await ask(number)) !== number) return;
      right += 1;
      lastMs = performance.now();
    } catch {
      // Counted as lost.
    }
  });
  await Promise.all(settled);
  return {rate: (right / (lastMs - startedMs)) * 1000, lost: openQuestions - right};
}

async function askManyOpen(options: BenchOptions): Promise<Row[]> {
  const system = newSystem(openQuestions);
  const nact = newNact();
  const ref = system.spawn('echo', echo);
  const nactRef = nactEcho(nact);
  let lost = 0;
  const names = {name: `ask, ${openQuestions} open`, unit: 'answers/s', against: 'nact query'};
  const speed = await compare(
    options,
    names,
    3,
    async () => {
      const result = await allAtOnce(number =>
        system.ask<Question, number>(ref, replyTo => ({number, replyTo}), 20_000),
      );
      lost += result.lost;
      return result.rate;
    },
    async () => {
      const {rate} = await allAtOnce(number =>
        query(nactRef, (replyTo: NactRef<number>) => ({number, replyTo}), 5000),
      );
      return rate;
    },
  );
  await system.shutdown(1000);
  stop(nactRef);
  return [{...speed, ok: speed.ok && lost === 0, note: `${lost} lost or wrong`}];
}
