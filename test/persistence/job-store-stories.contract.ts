/** Many at once, and any story at all: for stores that are more than an object in memory. */
import fc from 'fast-check';
import {jobStatuses, successors, type JobStatus} from '../../actors/domain/job.ts';
import type {JobWrite, WriteOutcome} from '../../actors/ports.ts';
import {createMemoryJobStore} from '../support/memory-store.ts';
import {at, insert, types, update, type Register} from './job-store-world.ts';

export function storiesContract(it: Register): void {
  it('fifty committers at once lose nothing', async (t, store) => {
    const batches = Array.from({length: 50}, (_, committer) =>
      Array.from({length: 40}, (__, index) => insert({id: committer * 40 + index + 1})),
    );
    const inserted = await Promise.all(batches.map(batch => store.commit(batch)));
    const ended = await Promise.all(
      batches.map(batch =>
        store.commit(
          batch.flatMap(write =>
            write.type === 'insert' ? [update(write.row.id, ['Inited'], {status: 'Failed'})] : [],
          ),
        ),
      ),
    );
    t.deepEqual(new Set([...inserted, ...ended].flatMap(types)), new Set(['written']));
    t.is((await store.countByStatus({})).Failed, 2000);
  });

  it('agrees with the store in memory on any story', async (t, store) => {
    let block = 0;
    await fc.assert(
      fc.asyncProperty(stories, async story => {
        // Every story has ids of its own, so that one database serves them all.
        block += 100;
        const model = createMemoryJobStore();
        for (const steps of story) {
          const batch = steps.map(step => writeOf(step, block));
          const [expected, actual] = [await model.commit(batch), await store.commit(batch)];
          t.deepEqual(actual.map(essence), expected.map(essence));
        }
        for (let id = block; id < block + jobsMax; id += 1)
          t.deepEqual(await store.get(id), await model.get(id));
      }),
      {numRuns: 60},
    );
  });
}

const jobsMax = 4;

/** What of an outcome the port promises: of a refusal only that it is one. */
const essence = (outcome: WriteOutcome): unknown => (outcome.type === 'refused' ? outcome.type : outcome);

type Step = {
  readonly id: number;
  readonly kind: number;
  readonly from: JobStatus;
  readonly to: JobStatus;
  readonly owner: number;
  readonly newOwner: number | undefined;
  readonly time: number;
};

const stories = fc.array(
  fc.array(
    fc.record<Step>({
      id: fc.nat(jobsMax - 1),
      kind: fc.nat(5),
      from: fc.constantFrom(...jobStatuses),
      to: fc.constantFrom(...jobStatuses),
      owner: fc.nat(1),
      newOwner: fc.option(fc.nat(1), {nil: undefined}),
      time: fc.nat(3),
    }),
    {minLength: 1, maxLength: 6},
  ),
  {minLength: 1, maxLength: 6},
);

function writeOf({id, kind, from, to, owner: ownerIndex, newOwner, time}: Step, block: number): JobWrite {
  const ownerOf = (index: number): string => `host-${index}:1#i${index}#1`;
  const taskID = block + id;
  if (kind === 0)
    return insert({id: taskID, status: from, instances: ownerOf(ownerIndex), createdTime: at + time});
  return {
    type: 'update',
    id: taskID,
    owner: ownerOf(ownerIndex),
    // Mostly legal moves, so that stories get somewhere.
    from: kind === 1 ? [from] : jobStatuses.filter(status => successors[status].includes(to)),
    set: {
      updatedTime: at + 10 + time,
      status: to,
      ...(newOwner === undefined ? {} : {instances: ownerOf(newOwner)}),
      ...(kind === 5 ? {progress: `0.${time}`, errorDesc: time === 0 ? null : `because ${time}`} : {}),
    },
    facts: {attempt: time},
  };
}
