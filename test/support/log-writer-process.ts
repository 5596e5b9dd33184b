/**
 * A process that appends numbered lines to a log until it is killed. What it wrote is known from its spool, a file of its
 * own that it writes first, as an engine does.
 *
 *     node test/support/log-writer-process.ts LOG SPOOL
 */
import {appendFileSync, existsSync, readFileSync} from 'node:fs';
import {systemClock} from '../../actors/runtime/clock.ts';
import {createLogStore} from '../../persistence/files/log-store.ts';

const [, , logPath = '', spoolPath = ''] = process.argv;
const logs = createLogStore({clock: systemClock});
const writer = await logs.open(logPath, 'spool');
const spooled = existsSync(spoolPath) ? readFileSync(spoolPath) : Buffer.alloc(0);
let {spoolOffset} = writer.position();
let line = spooled.toString().split('\n').length - 1;
await writer.append(spooled.subarray(spoolOffset), spooled.length);
spoolOffset = spooled.length;
process.stdout.write(`ready ${writer.position().lines}\n`);

for (let batch = 0; ; batch++) {
  const count = batch % 50 === 0 ? 3000 : (batch % 7) + 1;
  const text = Array.from({length: count}, () => `line ${line++}\n`).join('');
  appendFileSync(spoolPath, text);
  spoolOffset += text.length;
  if (batch % 3 === 0) await writer.append(Buffer.from(text), spoolOffset);
  else void writer.append(Buffer.from(text), spoolOffset);
  if (batch % 200 === 199) await writer.sync();
}
