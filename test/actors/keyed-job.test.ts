import test from 'ava';
import {acceptedJob, mayBeTakenBack} from '../../actors/keyed-job.ts';
import type {JobRow, StoredJob} from '../../actors/ports.ts';
import {isSubmissionUnknown, SubmissionUnknownError} from '../../actors/submission-unknown.ts';
import {manualClock} from '../support/manual-clock.ts';
import {storedJob} from '../support/stored-jobs.ts';

const self = {instance: 'a:1', incarnation: 'i1'};
const job = (row: Partial<JobRow>): StoredJob => storedJob({id: 7, ...row}, {idempotencyKey: 'k'});
const ours = job({instances: 'a:1#i1#1'});

/** Looks for key `k`; what is found and had is told by how much time has passed. */
function asking(find: (ms: number) => StoredJob | undefined, has: (ms: number) => boolean = () => false) {
  const clock = manualClock();
  const started = clock.monotonicMs();
  const passed = (): number => clock.monotonicMs() - started;
  const found = acceptedJob('k', async () => find(passed()), {self, clock, has: () => has(passed())});
  let isSettled = false;
  const settled = (): void => void (isSettled = true);
  found.then(settled, settled);
  const wait = async (): Promise<number> => {
    for (let ms = 0; !isSettled && ms < 10_000; ms += 100) {
      await new Promise(resolve => void setImmediate(resolve));
      if (!isSettled) clock.advance(100);
    }
    return passed();
  };
  return {found, wait};
}

const certain: Record<string, Partial<JobRow>> = {
  'was scheduled': {instances: 'b:1#i9#1', status: 'Scheduled'},
  'has ended': {instances: 'b:1#i9#1', status: 'Failed'},
  'was taken over': {instances: 'b:1#i9#2'},
};
for (const [what, row] of Object.entries(certain)) {
  test(`a job that ${what} is accepted, whoever asks`, async t => {
    t.false(mayBeTakenBack(job(row)));
    const {found} = asking(() => job(row));
    t.is((await found)?.row.id, 7);
  });
}

test('a waiting job of another entrance, or of a former life of this one, is not answered for', async t => {
  for (const instances of ['b:1#i9#1', 'a:1#i0#1']) {
    t.true(mayBeTakenBack(job({instances})));
    const {found, wait} = asking(
      () => job({instances}),
      () => true,
    );
    t.is(await wait(), 0, 'at once: waiting here would not help');
    const error = await t.throwsAsync(found, {instanceOf: SubmissionUnknownError});
    t.true(isSubmissionUnknown(error));
    t.regex(error.message, /^a:1 .*job 7, which .* has with its key.*same idempotency key/);
  }
});

test('one of ours is answered for as soon as this entrance has it', async t => {
  const {found, wait} = asking(
    () => ours,
    ms => ms >= 300,
  );
  t.is(await wait(), 300);
  t.is((await found)?.row.id, 7);
});

test('one of ours that was ended as refused is no job any more', async t => {
  const {found, wait} = asking(ms => (ms < 200 ? ours : undefined));
  t.is(await wait(), 200);
  t.is(await found, undefined);
});

test('one of ours that stays in doubt is answered as unknown', async t => {
  const {found, wait} = asking(() => ours);
  t.true((await wait()) <= 2000);
  await t.throwsAsync(found, {instanceOf: SubmissionUnknownError});
});

test('advice depends on whose key it is', t => {
  t.regex(new SubmissionUnknownError('a:1', 'mine').message, /same idempotency key/);
  for (const key of [undefined, null, 'tenon:x'])
    t.regex(new SubmissionUnknownError('a:1', key).message, /Look at your newest jobs/);
});
