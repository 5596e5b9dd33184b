"""The host of an engine that was written with the kit: all but `run` itself is what hosts shell and python jobs too."""

import json
import os
import resource
import signal
import sys

import host
from python_engine import count_results
from task_failure import INTERPRETER_STOPPED, failure
from worker import Worker

_CHANNEL_FD = 3
_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD)


def serve_engine(run, use_engine_names):
    """From the launch to the end of the engine. `use_engine_names()` is called in workers, before `run`."""
    # The host asks for what runs its jobs: ours is a function.
    host.make_engine = lambda made_for: KitEngine(made_for, run, use_engine_names)
    configuration = json.loads(sys.stdin.buffer.readline())
    # A program that is not the node's own host runs as its user from the start.
    configuration.pop('account', None)
    host.serve(configuration, host.announce_when_complete)


class KitEngine:
    """One worker process, which runs one job after the other; a killed one is replaced."""

    def __init__(self, host, run, use_engine_names):
        self._host = host
        self._run = run
        self._use_engine_names = use_engine_names
        self._worker = None
        self._task = None

    def warm(self):
        if self._worker is None and not self._host.is_leaving:
            self._worker = Worker(self._host, self, self._fork_worker)

    def spare(self, _pids):
        return set() if self._worker is None else {self._worker.pid}

    def start(self, task):
        self._task = task
        self.warm()
        # What a thread printed after its job had ended is nobody's.
        dropped = len(self._worker.read_leftover())
        if dropped:
            task.note('INFO', '%d bytes that were printed after the previous job had ended are dropped.' % dropped)
        self._worker.run(task, {
            'attempt': task.attempt, 'code': task.spec['code'], 'codeType': task.spec['codeType'],
        })

    def finish(self, task):
        self._task = None
        if self._worker is not None:
            self._worker.resume()
        # What a killed job had made is whole, and stays.
        task.result_count = max(task.result_count, count_results(task.results))

    def worker_said(self, message):
        task = self._task
        if task is None:
            return
        kind = message.get('type')
        # What was printed before stands before it in the spool.
        task.drain_outputs()
        if kind == 'progress':
            task.progress(float(message.get('progress', 0)), message.get('info', []))
        elif kind == 'done':
            task.result_count = int(message.get('resultCount', 0))
            why = message.get('failure')
            if why is None:
                task.main_ended('succeeded')
            else:
                task.main_ended('failed', failure(int(why['code']), str(why['message']), bool(why['retryable'])))

    def worker_ended(self, how):
        self._worker = None
        task = self._task
        if task is not None:
            task.drain_outputs()
            task.main_ended('failed', failure(
                INTERPRETER_STOPPED, 'The process of the engine ended before the job did: %s.' % how,
            ))

    def _fork_worker(self, channel, output):
        """A fork of this process, which knows `run`."""
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_worker(channel, output)
        return pid

    def _become_worker(self, channel, output):
        """In the child: nothing of the host is left but what `run` needs. Never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _DEFAULT_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.dup2(output, 1)
            os.dup2(output, 2)
            if channel != _CHANNEL_FD:
                os.dup2(channel, _CHANNEL_FD, inheritable=False)
            os.closerange(_CHANNEL_FD + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            bytes_max = self._host.file_bytes_max
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
            os.chdir(self._host.work_directory)
            os.environ.clear()
            os.environ.update(self._host.environment())
            from kit_job import work
            work(_CHANNEL_FD, self._run, self._host.configuration['user'], self._use_engine_names)
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
