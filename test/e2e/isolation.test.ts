/** A node whose engines run as their users (decision 44): what a job can't reach, whom it refuses, and what it says when not. */
import {execFileSync} from 'node:child_process';
import {chmodSync, mkdtempSync, readdirSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {addPerson} from '../support/node-person.ts';
import {jobEnds, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';

const python = '/usr/bin/python3';

function isPossible(): boolean {
  try {
    execFileSync(python, ['-c', 'pass'], {uid: 65534, gid: 65534, stdio: 'ignore', cwd: '/'});
    return process.getuid?.() === 0 && execFileSync('id', ['-u', 'nobody', 'daemon']).length > 0;
  } catch {
    return false;
  }
}

test('without isolation the node warns at its start', async t => {
  const node = await startNode(t);
  t.is(node.log().split('can read its data directory').length, 2);
});

test('with isolation a job is its user’s, and reaches neither the database nor the node’s other files', async t => {
  if (!isPossible()) {
    t.log('needs root, the accounts nobody and daemon, and a Python that they may run');
    return t.pass();
  }
  const scratch = mkdtempSync(join(tmpdir(), 'tenon-open-'));
  chmodSync(scratch, 0o755);
  t.teardown(() => rmSync(scratch, {recursive: true, force: true}));
  const data = join(scratch, 'data');
  const node = await startNode(t, {
    dataDirectory: data,
    environment: {
      TENON_GOVERNANCE_ISOLATION: 'user',
      TENON_GOVERNANCE_ISOLATION_UID_MIN: '1',
      TENON_GOVERNANCE_PYTHON_PATH: python,
      XDG_RUNTIME_DIR: scratch,
    },
  });
  await node.login();
  t.notRegex(node.log(), /can read its data directory/);
  const [nobody, daemon] = [await addPerson(node, 'nobody'), await addPerson(node, 'daemon')];
  const hers = await daemon.accepted('echo hers');
  t.is((await untilStatus(node, hers.taskID, jobEnds)).status, 'Succeed');
  const names = readdirSync(data).map(name => join(data, name));
  t.true(names.some(name => name.endsWith('.db')));
  for (const name of names) t.is(statSync(name).mode & (name.endsWith('/engines') ? 0o066 : 0o077), 0, name);
  const {taskID} = await nobody.accepted(
    `test "$(id -un)" = nobody || exit 3
     for f in ${names.filter(name => !name.endsWith('/engines')).join(' ')} ${data}/engines/*/secret; do
       test "$f" != "$PWD/../secret" && cat "$f" >/dev/null 2>&1 && { echo "read $f"; exit 4; }
       ls "$f"/* >/dev/null 2>&1 && { echo "listed $f"; exit 5; }
     done
     ls ${data} >/dev/null 2>&1 && exit 6
     echo kept out`,
  );
  const ended = await untilStatus(node, taskID, jobEnds);
  t.is(ended.status, 'Succeed', JSON.stringify(ended));
  const refused = await (await addPerson(node, 'carl-of-no-account')).accepted('echo no');
  const task = await untilStatus(node, refused.taskID, jobEnds);
  t.is(task.status, 'Failed');
  t.is(task.errCode, 50240);
  t.regex(task.errDesc ?? '', /carl-of-no-account has no account on this host/);
});
