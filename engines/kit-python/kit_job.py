"""What runs in a worker: one job after the other, each as a `Job` for the engine's function."""

import io
import json
import os
import signal
import sys
import threading
import traceback

from kit_results import ResultSets
from log_line import log_line
from tenon_engine import JobFailed, JobKilled

_RAISED = 50255
_TRACE_CHARACTERS_MAX = 2000


class Job:
    """
    One job. `code` and `code_type` are texts, `parameters` the runtime parameters of its submission (a dict), `environment`
    its variables, which stand in `os.environ` too; `user` is whom the engine belongs to.
    """

    def __init__(self, request, user, channel):
        self.task_id = request['taskID']
        self.attempt = request['attempt']
        self.code = request['code']
        self.code_type = request['codeType']
        self.parameters = request['parameters']
        self.environment = request['environment']
        self.user = user
        self.is_killed = False
        self._channel = channel
        self._results = ResultSets(request['results'])
        self._on_kill = []
        # What an engine cancels when it is killed may be made while it is.
        self._lock = threading.Lock()

    def log(self, text):
        """Lines for the log, as `print` does it."""
        print(text)

    def warn(self, text):
        """One line in Linkis' form, which readers sort by its level."""
        self._note('WARN', text)

    def error(self, text):
        self._note('ERROR', text)

    def progress(self, done, total=None):
        """`progress(0.4)`, or `progress(3, 10)`: three of ten parts are done."""
        info = [] if total is None else [{
            'id': 'job-%d' % self.task_id, 'totalTasks': total, 'runningTasks': 1, 'failedTasks': 0, 'succeedTasks': done,
        }]
        fraction = min(1.0, max(0.0, done if not total else done / total))
        self._channel.send({'type': 'progress', 'progress': fraction, 'info': info})

    def text(self, text):
        """A result set of lines."""
        self._results.text(text)

    def html(self, html):
        """A result set that is shown as HTML."""
        self._results.html(html)

    def table(self, rows, columns=None):
        """A result set: `rows` are dicts, or sequences with `columns` for their names. All of it in memory."""
        self._results.table(rows, columns)

    def open_table(self, columns):
        """
        A result set that is written row by row: `with job.open_table(['id', ('name', 'string')]) as table:
        table.add(7, 'seven')`. `columns` are names, or pairs of name and type (bigint, double, decimal, date, …).
        """
        return self._results.open_table(columns)

    def on_kill(self, callback):
        """Called when the job is killed, in a thread of its own: for what has to be cancelled elsewhere."""
        with self._lock:
            self._on_kill.append(callback)
            is_late = self.is_killed
        if is_late:
            callback()

    def _note(self, level, text):
        sys.stdout.flush()
        sys.stdout.buffer.write(log_line(level, text))
        sys.stdout.flush()

    def _killed(self):
        with self._lock:
            self.is_killed = True
            callbacks = list(self._on_kill)
        for callback in callbacks:
            try:
                callback()
            except Exception:
                traceback.print_exc()

    @property
    def _result_count(self):
        return self._results.count


class Channel:
    """Messages to and from the host; not inherited by what a job starts."""

    def __init__(self, fd):
        self._fd = fd
        self._lines = io.open(fd, 'rb', buffering=65536, closefd=False)
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def receive(self):
        """The next job, or None when the host is gone."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def send(self, message):
        # A forked child shares the channel, but has no job of its own to speak of.
        if os.getpid() != self._owner:
            return
        sys.stdout.flush()
        data = json.dumps(message).encode() + b'\n'
        with self._lock:
            while data:
                data = data[os.write(self._fd, data):]


class KillSignal:
    """TERM: callbacks at once, in a thread, also while the job waits in a library; `JobKilled` as soon as Python runs."""

    def __init__(self):
        self.job = None
        self.callbacks_done = threading.Event()
        self._read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._raise)
        threading.Thread(target=self._watch, name='tenon-kill', daemon=True).start()

    def _raise(self, _number, _frame):
        raise JobKilled()

    def _watch(self):
        while True:
            numbers = os.read(self._read, 64)
            job = self.job
            if signal.SIGTERM in numbers and job is not None:
                job._killed()
            if signal.SIGTERM in numbers:
                self.callbacks_done.set()


def work(channel_fd, run, user, use_engine_names):
    """Runs jobs until the host is gone, or one was killed."""
    sys.stdin = open(os.devnull)
    # Lines show when they are printed; what is no text shows as what it is.
    sys.stdout = io.TextIOWrapper(
        open(1, 'wb', closefd=False), encoding='utf-8', errors='backslashreplace', line_buffering=True,
    )
    sys.stderr = io.TextIOWrapper(
        open(2, 'wb', buffering=0, closefd=False), encoding='utf-8', errors='backslashreplace', write_through=True,
    )
    channel = Channel(channel_fd)
    use_engine_names()
    kill = KillSignal()
    try:
        while True:
            request = channel.receive()
            if request is None:
                return
            job = Job(request, user, channel)
            kill.job = job
            message = _run(run, job)
            if job.is_killed:
                break
            kill.job = None
            channel.send(message)
    except JobKilled:
        pass
    sys.stdout.flush()
    # What has to be cancelled elsewhere is; whoever waits too long is killed.
    kill.callbacks_done.wait()


def _run(run, job):
    before = dict(os.environ)
    os.environ.update(job.environment)
    why = None
    try:
        run(job)
    except JobFailed as error:
        why = {'code': error.code, 'message': str(error), 'retryable': error.retryable}
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        if not job.is_killed:
            traceback.print_exc()
        text = '%s: %s' % (type(error).__name__, error)
        why = {'code': _RAISED, 'message': text[:_TRACE_CHARACTERS_MAX], 'retryable': False}
    finally:
        os.environ.clear()
        os.environ.update(before)
    return {'type': 'done', 'resultCount': job._result_count, 'failure': why}
