/** The suite can fail: each check is run on an engine with a fault that it has to find. */
import test from 'ava';
import {engineChecks} from '../../engines/conformance/conformance-suite.ts';
import {check, inProject, profileOf, pythonPath} from './run.ts';

const shell = profileOf('engines/conformance/profiles/shell.json');
const python = profileOf('engines/conformance/profiles/python.json');
const program = inProject('test/engines/fixtures/broken_engine.py');

/** Faults of `broken_engine.py`, and the checks that find them. `python`: on an engine that runs Python. */
const faults: readonly (readonly [string, readonly string[], 'python'?])[] = [
  ['ready_too_soon', ['launch/ready']],
  ['holds_ready', ['launch/ready']],
  ['wrong_identity', ['launch/engine-json']],
  ['readable_files', ['launch/private-files']],
  ['tells_secret', ['launch/secret-hidden']],
  ['short_paths_only', ['launch/long-socket-path']],
  ['strict_configuration', ['launch/unknown-fields']],
  ['needs_no_configuration', ['launch/no-configuration']],
  ['job_without_mark', ['jobs/mark']],
  ['job_inherits_socket', ['jobs/descriptors']],
  ['job_without_environment', ['jobs/environment']],
  ['any_secret', ['handshake/wrong-secret', 'handshake/replay', 'handshake/reflection']],
  ['one_nonce', ['handshake/fresh-nonces']],
  ['tidies_claim', ['handshake/claim-as-sent']],
  ['any_claim', ['handshake/bad-claim', 'handshake/welcome']],
  ['any_hello', ['handshake/other-protocol', 'handshake/other-version']],
  ['one_version_only', ['handshake/versions']],
  ['whole_frames_only', ['handshake/pieces']],
  ['without_code:outOfOrder', ['handshake/request-first', 'handshake/ack-first', 'handshake/prove-first']],
  ['large_frames', ['handshake/oversized-frame', 'request/oversized-frame']],
  ['other_code:badFrame', ['handshake/empty-frame', 'request/no-json']],
  ['dies_of_garbage', ['handshake/garbage']],
  ['patient', ['handshake/slow']],
  ['many_strangers', ['handshake/strangers']],
  ['fails_without_why', ['execute/fails']],
  ['fails_as_success', ['execute/fails']],
  ['stores_late', ['execute/stored-first']],
  ['runs_twice', ['execute/idempotent']],
  ['without_code:busy', ['execute/busy', 'execute/busy-until-confirmed']],
  ['no_epoch', ['execute/stale-epoch', 'owner/stale-epoch']],
  ['any_task', ['execute/bad-task']],
  ['small_requests', ['execute/large-request']],
  ['one_task_only', ['execute/next-task']],
  ['drops_unknown_requests', ['request/unknown']],
  ['keeps_spool', ['confirm/removes']],
  ['without_code:notEnded', ['confirm/not-ended']],
  ['bad_checksum', ['execute/succeeds', 'follow/whole']],
  ['two_ends', ['execute/succeeds']],
  ['wrong_epoch', ['execute/succeeds']],
  ['skips_bytes', ['follow/whole']],
  ['from_the_start', ['follow/from-offset', 'follow/resume']],
  ['other_code:badOffset', ['follow/refusals']],
  ['without_code:badAck', ['follow/bad-ack']],
  ['no_pace', ['pace/window', 'pace/unattended']],
  ['stops_unattended', ['pace/unattended']],
  ['no_long_records', ['pace/long-record']],
  ['writes_over', ['spool/append-only']],
  ['no_last_line_feed', ['log/last-line']],
  ['raw_bytes', ['log/utf8']],
  ['long_lines', ['log/long-line']],
  ['odd_progress', ['progress/reported'], 'python'],
  ['no_progress', ['progress/reported'], 'python'],
  ['half_results', ['results/whole']],
  ['invents_results', ['results/none', 'results/whole']],
  ['kills_nobody', ['kill/term', 'kill/at-once', 'kill/timed-out']],
  ['no_term', ['kill/term']],
  ['no_grace', ['kill/grace']],
  ['long_grace', ['kill/grace', 'kill/at-once']],
  ['all_killed', ['kill/timed-out', 'timeout/running']],
  ['sees_children_only', ['kill/escaped']],
  ['stays_killed', ['kill/next-task']],
  ['refuses_late_kills', ['kill/gone']],
  ['any_grace', ['kill/bad-request']],
  ['no_timeout', ['timeout/running']],
  ['bad_exit', ['shutdown/idle', 'shutdown/term']],
  ['leaves_end_out', ['shutdown/busy', 'shutdown/term']],
  ['ignores_term', ['shutdown/term']],
  ['forgets_task', ['owner/attach-again', 'owner/ended-meanwhile']],
  ['epoch_in_memory', ['owner/epoch-on-disk']],
  ['displaces_silently', ['owner/displaced']],
  ['never_leaves', ['orphan/idle', 'orphan/busy', 'orphan/finishes']],
  ['leaves_at_once', ['orphan/idle', 'orphan/first-owner', 'orphan/busy']],
  ['leaves_owned', ['orphan/returns']],
  ['no_limits', ['limits/processes', 'limits/memory']],
];

for (const [fault, names, engine] of faults) {
  test.serial(`${names.join(', ')} find an engine with the fault ${fault}`, async t => {
    t.timeout(60_000);
    const checks = engineChecks.filter(({name}) => names.includes(name));
    const results = await check(
      [pythonPath, '-I', '-S', program, fault],
      engine === 'python' ? python : shell,
      {checks, patienceMs: 2500},
    );
    const missed = results.filter(({outcome}) => outcome !== 'failed').map(({name}) => name);
    t.deepEqual(missed, []);
    t.is(results.length, names.length);
    t.log(results.map(({name, detail}) => `${name}: ${detail}`).join('\n'));
  });
}

test('each check finds a fault', t => {
  const finding = new Set(faults.flatMap(([, names]) => names));
  t.deepEqual(
    engineChecks.map(({name}) => name).filter(name => !finding.has(name)),
    [],
  );
});

test('names are unique, and each check says why it is there', t => {
  t.is(new Set(engineChecks.map(({name}) => name)).size, engineChecks.length);
  for (const {name, why} of engineChecks) {
    t.regex(name, /^[a-z]+\/[a-z0-9-]+$/);
    t.regex(why, /^[A-Z].*\.$/);
  }
});
