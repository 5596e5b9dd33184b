"""
One task of an engine, from its acceptance to the record of its end in the spool.

    running ──main process ended──▶ settling ──nothing left──▶ ended ──confirmed by the owner──▶ (gone)
       └────kill, time-out, limit, full disk──▶ ending ──nothing left──▶ ended

What is decided first stays: a kill that crosses the natural end changes nothing, and the other way round.
"""

import errno
import json
import os

from dolphin import RecordTooLongError
from limits import Watchdog, memory_failure
from line_gatherer import LineGatherer
from log_line import log_line
from output import Output
from process_tree import Ending
from spool import ENDED, LOG, OPENED, PROGRESS, VERSION, SpoolFullError
from task_failure import DISK_FULL, ENGINE_FAULT, KILLED, NOT_STARTED, OUTPUT_NOT_STORED, TIMED_OUT, failure

# How long what a finished main process left behind may take to finish on its own, such as the `tee` of `>(tee f)`.
_SETTLE_S = 0.25
_LEFTOVER_GRACE_S = 2.0
_PROGRESS_INTERVAL_S = 0.1
_RETRY_END_S = 1.0
_RETRIES_MAX = 60


class Task:
    """The host's part of a task: spool, log, limits, end. How code runs is the engine's (`shell_engine`, …)."""

    def __init__(self, host, spec):
        self._host = host
        self._loop = host.loop
        self.task_id = spec['taskID']
        self.attempt = spec['attempt']
        self.epoch = spec['epoch']
        self.spec = spec
        self.directory = host.places.path(self.task_id, self.attempt)
        self.results = os.path.join(self.directory, 'results')
        self.result_count = 0
        self.text_result = None
        self.ended = False
        self._decided = None
        self._ending = None
        self._was_ended = False
        self._memory_kills = 0
        self._is_finishing = False
        self._outputs = []
        self._sources = []
        self._timers = []
        self._engine_is_reusable = True
        self._progress = None
        self._progress_timer = None
        self._main_is_running = False
        self._paused = False
        self._storing = True
        self.spool = None

    def create(self):
        """On disk, so that whoever comes later knows of the task. Leaves nothing if it fails."""
        opened = {
            'version': VERSION, 'taskID': self.task_id, 'attempt': self.attempt, 'epoch': self.epoch,
            'engineId': self._host.engine_id,
        }
        self.spool = self._host.places.make(
            self.directory, self.spec['code'].encode('utf-8', 'surrogatepass'),
            lambda spool: spool.append_json(OPENED, opened),
        )

    def raise_epoch(self, epoch):
        """A new owner: its epoch is on disk before it is obeyed."""
        self.epoch = epoch
        path = os.path.join(self.directory, 'epoch')
        with open(path + '.part', 'w', opener=_private) as file:
            file.write('%d\n' % epoch)
        os.rename(path + '.part', path)

    def start(self):
        timeout_ms = self.spec.get('runningTimeoutMs')
        if timeout_ms is not None:
            self._timers.append(self._loop.after(timeout_ms / 1000, lambda: self._time_out(timeout_ms)))
        host = self._host
        self._memory_kills = host.memory_kills()
        self._timers.append(Watchdog(
            self._loop, host.family_with_engine, host.directory, host.limits,
            lambda breach: self.end('failed', breach, 0),
        ))
        try:
            self._main_is_running = True
            self._host.engine.start(self)
        except Exception as error:
            # Whatever it is, the owner is waiting for an end.
            self.main_ended('failed', failure(NOT_STARTED, 'The engine could not start the code: %s.' % error))

    # What the engine reports

    def add_output(self, fd, also=None):
        """Follows a pipe; its lines go to the log, and to `also(lines)`. The descriptor becomes the task's."""
        gatherer = self.line_gatherer(also)
        output = Output(self._loop, fd, gatherer.push, gatherer.finish)
        self._outputs.append((output, gatherer))
        self.add_source(output)

    def add_source(self, source):
        """Whatever feeds the spool: `pause()` and `resume()` keep it at the owner's pace."""
        self._sources.append(source)
        if self._paused:
            source.pause()

    def drain_outputs(self):
        for output, _ in self._outputs:
            output.drain()

    def line_gatherer(self, also=None):
        def on_lines(lines):
            self.log(lines)
            if also is not None:
                also(lines)

        def on_long_line():
            self.note('WARN', 'The next line is longer than %d bytes; it is shown in pieces of that size.'
                      % self._host.line_bytes_max)

        return LineGatherer(self._host.line_bytes_max, on_lines, on_long_line)

    def log(self, lines):
        self._store(lambda: self.spool.append(LOG, lines))

    def note(self, level, text):
        self.log(log_line(level, text))

    def store_result(self, write):
        """Runs `write()`, which writes a result set; a full disk or an oversized record ends the task."""
        self._store(write)

    def progress(self, fraction, info):
        """Kept down to ten a second; the last one always arrives."""
        self._progress = (min(1.0, max(0.0, fraction)), info)
        if self._progress_timer is None:
            self._write_progress()
            self._progress_timer = self._loop.after(_PROGRESS_INTERVAL_S, self._progress_due)

    def _progress_due(self):
        self._progress_timer = None
        if self._progress is not None:
            self._write_progress()
            self._progress_timer = self._loop.after(_PROGRESS_INTERVAL_S, self._progress_due)

    def _write_progress(self):
        if self._progress is None:
            return
        (fraction, info), self._progress = self._progress, None
        record = {'progress': fraction, 'info': info}
        self._store(lambda: self.spool.append_json(PROGRESS, record))

    def main_ended(self, outcome, why=None, engine_is_reusable=True):
        """The code has run to its end. What it started may not have."""
        if not self._main_is_running:
            return
        self._main_is_running = False
        self._engine_is_reusable = self._engine_is_reusable and engine_is_reusable
        if self._decided is not None:
            if self._ending is not None:
                self._ending.child_exited()
            return
        if outcome != 'succeeded' and self._host.memory_kills() > self._memory_kills:
            why = memory_failure(self._host.limits['memoryBytesMax'])
        self._decided = (outcome, why)
        self._settle(self._loop_time() + _SETTLE_S)

    # What ends it

    def kill(self, grace_s, why):
        if why == 'timedOut':
            self.end('timedOut', failure(TIMED_OUT, 'The job ran longer than it may.'), grace_s)
        else:
            self.end('killed', failure(KILLED, 'The job was killed.'), grace_s)

    def end(self, outcome, why, grace_s):
        """Ends everything the task started; the first decision stands."""
        if self._is_finishing:
            return
        if self._decided is None:
            self._decided = (outcome, why)
            self._was_ended = True
        if self._ending is not None:
            self._ending.hasten(grace_s)
            return
        host = self._host
        # A main process that has ended by itself takes no engine along.
        self._begin_ending(host.family_with_engine if self._main_is_running else host.family, grace_s)

    def engine_failed(self, error):
        """A fault of ours: the task must have an end nevertheless, and nobody should trust this engine with another."""
        self._engine_is_reusable = False
        text = 'The engine failed: %s: %s. See host.log of engine %s.' % (
            type(error).__name__, error, self._host.engine_id,
        )
        self.end('failed', failure(ENGINE_FAULT, text, True), 0)

    def _time_out(self, timeout_ms):
        self.end('timedOut', failure(TIMED_OUT, 'The job ran longer than its limit of %d ms.' % timeout_ms),
                 self._host.kill_grace_s)

    def _begin_ending(self, family, grace_s):
        self._ending = Ending(self._loop, family, grace_s, self._nothing_left)

    def _settle(self, deadline):
        """Gives what is left a moment to end on its own, then ends it."""
        if self._is_finishing or self._ending is not None:
            return
        if not self._loop.reap() or not self._host.family.left_over():
            self._nothing_left([])
        elif self._paused or self._loop_time() < deadline:
            if self._paused:
                # It waits for its reader, not for itself.
                deadline = self._loop_time() + _SETTLE_S
            self._timers.append(self._loop.after(0.01, lambda: self._settle(deadline)))
        else:
            count = len(self._host.family.members())
            if count == 0:
                self._nothing_left([])
                return
            self.note('WARN', 'The job has ended but left %d process%s running; ending %s now.'
                      % (count, '' if count == 1 else 'es', 'it' if count == 1 else 'them'))
            self._begin_ending(self._host.family, _LEFTOVER_GRACE_S)

    def _nothing_left(self, survivors):
        if self._is_finishing:
            return
        self._is_finishing = True
        for output, gatherer in self._outputs:
            output.drain()
            output.close()
            gatherer.finish()
        self._outputs = []
        self._sources = []
        self._host.engine.finish(self)
        if survivors:
            self._engine_is_reusable = False
            self.note('ERROR', 'Processes that could not be ended: %s.' % ', '.join(map(str, survivors)))
        self._finish_results()
        if self._progress_timer is not None:
            self._progress_timer.cancel()
        self._write_progress()
        for timer in self._timers:
            timer.cancel()
        outcome, why = self._decided
        end = {'outcome': outcome, 'resultCount': self.result_count, 'engineIsReusable': self._engine_is_reusable}
        if why is not None:
            end['failure'] = why
        if self._was_ended and self._ending is not None:
            end['receipt'] = self._ending.receipt(survivors)
        self._write_end(end)

    def _finish_results(self):
        if self.text_result is None:
            return
        result, self.text_result = self.text_result, None
        self._store(result.close)
        if not self._storing:
            result.discard()
            self.result_count -= 1

    def _write_end(self, end, retries=_RETRIES_MAX):
        """Must succeed for the owner to know: room is made, and if that does not help it is tried again for a while."""
        try:
            self.spool.append_json(ENDED, end)
        except SpoolFullError:
            self._host.reserve.spend()
            try:
                self.spool.append_json(ENDED, end)
            except SpoolFullError as error:
                if retries == 0:
                    # The owner learns from our exit that the task is over.
                    self._host.give_up('The end of task %d cannot be stored: %s\n' % (self.task_id, error))
                    return
                self._loop.after(_RETRY_END_S, lambda: self._write_end(end, retries - 1))
                return
        self.ended = True
        self._host.task_ended(self)

    # Storing, and slowing down

    def _store(self, write):
        if not self._storing:
            return
        try:
            write()
        except (SpoolFullError, RecordTooLongError, OSError) as error:
            # Nothing more is stored: a gap in the middle of a log would look like a whole one.
            self._storing = False
            why = storing_failure(error)
            if self._decided is not None and self._decided[0] == 'succeeded':
                # It ran well, but what it said is not all here.
                self._decided = ('failed', why)
            elif self._decided is None:
                self.end('failed', why, 0)
            return
        self.pace()
        self._host.spool_grew(self)

    def pace(self):
        """Stops reading the job's output while the owner is too far behind, and goes on when it has caught up."""
        paused = not self._host.has_room(self)
        if paused != self._paused:
            self._paused = paused
            for source in self._sources:
                source.pause() if paused else source.resume()

    def _loop_time(self):
        return self._host.now()

    def make_results(self):
        """The directory for result sets; most jobs have none."""
        os.makedirs(self.results, 0o700, exist_ok=True)

    def discard(self):
        """The owner has everything."""
        self.spool.close()


def storing_failure(error):
    text = 'The engine could not store the output of the job: %s.' % error
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if isinstance(error, SpoolFullError) or getattr(error, 'errno', None) in full:
        return failure(DISK_FULL, text + ' Free space on that file system, then submit again.', True)
    return failure(OUTPUT_NOT_STORED, text)


def _private(path, flags):
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def spec_problem(spec):
    """What is wrong with an execute request, or None."""
    if not _is_id(spec.get('taskID')) or not _is_id(spec.get('attempt')) or not _is_id(spec.get('epoch')):
        return 'taskID, attempt and epoch must be whole numbers from 0.'
    if not isinstance(spec.get('code'), str) or not isinstance(spec.get('codeType'), str):
        return 'code and codeType must be texts.'
    environment = spec.get('environment', {})
    if not isinstance(environment, dict) or not isinstance(spec.get('runtimeParams', {}), dict):
        return 'environment and runtimeParams must be objects.'
    for name, value in environment.items():
        if not isinstance(value, str) or not name or '=' in name or '\0' in name + value:
            return 'environment variable %s is not a name with a text.' % json.dumps(name)
    timeout = spec.get('runningTimeoutMs')
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        return 'runningTimeoutMs must be a positive number.'
    return None


def _is_id(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2 ** 53
