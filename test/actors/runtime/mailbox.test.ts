import test from 'ava';
import * as fc from 'fast-check';
import {Mailbox} from '../../../actors/runtime/mailbox.ts';

test('items come out in the order they went in, whatever mix of pushes and shifts', t => {
  const steps = fc.array(
    fc.oneof(
      fc.record({push: fc.nat({max: 200})}),
      fc.record({shift: fc.nat({max: 200})}),
      fc.constant('takeAll' as const),
    ),
  );
  fc.assert(
    fc.property(steps, story => {
      const mailbox = new Mailbox<number>();
      let model: number[] = [];
      let next = 0;
      for (const step of story) {
        if (step === 'takeAll') {
          t.deepEqual(mailbox.takeAll(), model);
          model = [];
        } else if ('push' in step) {
          for (let left = step.push; left > 0; left -= 1) {
            mailbox.push(next);
            model.push(next);
            next += 1;
          }
        } else {
          for (let left = step.shift; left > 0; left -= 1) t.is(mailbox.shift(), model.shift());
        }
        t.is(mailbox.size, model.length);
      }
    }),
  );
});

test('a drained burst leaves no more memory than an ordinary mailbox has', t => {
  const mailbox = new Mailbox<number>();
  for (let item = 0; item < 100_000; item += 1) mailbox.push(item);
  t.true(mailbox.capacity >= 100_000);
  while (mailbox.size > 0) mailbox.shift();
  t.is(mailbox.capacity, 8);
});

test('an item that was taken is no longer held', async t => {
  const mailbox = new Mailbox<object>();
  let item: object | undefined = {};
  const weak = new WeakRef(item);
  mailbox.push(item);
  mailbox.push({});
  mailbox.shift();
  item = undefined;
  const {setFlagsFromString} = await import('node:v8');
  const {runInNewContext} = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  await new Promise(resolve => {
    setImmediate(resolve);
  });
  collectGarbage();
  t.is(weak.deref(), undefined);
  t.is(mailbox.size, 1);
});
