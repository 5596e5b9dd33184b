import test from 'ava';
import type {Governance} from '../../../actors/governance.ts';
import {WaitingSizes} from '../../../http/stream/waiting-sizes.ts';
import {createLogGovernance} from '../../support/log-governance.ts';
import {manualClock} from '../../support/manual-clock.ts';

const settled = async (): Promise<void> => new Promise(resolve => setImmediate(resolve));

test('while a job waits, the size of its queue is pushed after a minute and then every half; then no more', async t => {
  const world = await createLogGovernance();
  t.teardown(world.close);
  const clock = manualClock();
  const job = world.addJob();
  const frames: {method: string; data: Record<string, unknown>}[] = [];
  const governance: Governance = {
    ...world.governance,
    load: () => [
      {
        group: 'IDE_ann_shell',
        tenant: '',
        user: 'ann',
        creator: 'IDE',
        engineType: 'shell',
        running: 1,
        queued: 4,
      },
    ],
  };
  const outlet = {
    isOpen: () => true,
    send: (frame: Buffer) => frames.push(JSON.parse(frame.toString()) as never),
  };
  const sizes = new WaitingSizes(outlet, {governance, clock});
  const stored = await governance.stored(job.taskID);
  if (stored === undefined) throw new Error('no job');
  sizes.watch(stored, 'tag');
  for (const ms of [59_999, 1, 29_999, 1]) {
    clock.advance(ms);
    await settled();
  }
  t.is(frames.length, 2);
  t.deepEqual(frames[0], {
    method: '/api/rest_j/v1/entrance/0514shelllocalhost:9101IDE_ann_shell_1/waitingSize',
    status: 0,
    message: 'Get waiting size succeed.',
    data: {execID: '0514shelllocalhost:9101IDE_ann_shell_1', taskID: 1, waitingSize: 4, websocketTag: 'tag'},
  } as never);
  job.become('Running');
  clock.advance(300_000);
  await settled();
  t.is(frames.length, 2);
  t.is(clock.pending, 0);
  sizes.watch(stored, 'tag');
  sizes.close();
  t.is(clock.pending, 0);
});
