"""
Runs tasks in one persistent interpreter, a child of the host: names live from task to task. Killing a task kills the
interpreter; the host survives and starts a new one for the next task, whose log says that the names are gone.
"""

import os
import sys

from process_tree import command_line
from shell_engine import spawn
from task_failure import INTERPRETER_STOPPED, PYTHON_EXECUTE_ERROR, failure
from worker import Worker

# multiprocessing's helper belongs to the interpreter, not to a task: it is started once and used again.
_RESOURCE_TRACKER = b'from multiprocessing.resource_tracker import main'


class PythonEngine:
    """Talks to `python_worker.py` over a socket pair, one line of JSON a message; its output comes through one pipe."""

    def __init__(self, host):
        self._host = host
        self._interpreter = None
        self._task = None
        self._last_end = None
        self._names_lost = False

    def warm(self):
        """Starts the interpreter ahead of the first task."""
        if self._interpreter is None and not self._host.is_leaving:
            self._interpreter = Worker(self._host, self, self._start_interpreter)

    def spare(self, pids):
        """What may outlive a task that ended by itself."""
        if self._interpreter is None:
            return set()
        spared = {self._interpreter.pid}
        spared.update(pid for pid in pids if pid not in spared and _RESOURCE_TRACKER in command_line(pid))
        return spared

    def start(self, task):
        self._task = task
        self.warm()
        if self._names_lost:
            self._names_lost = False
            task.note('WARN', 'This is a new Python interpreter: names that earlier jobs defined are gone.')
        between = self._interpreter.read_leftover()
        if between:
            task.note('INFO', 'Printed since the previous job ended, by something it left running in the interpreter:')
            gatherer = task.line_gatherer()
            gatherer.push(between)
            gatherer.finish()
        self._interpreter.run(task, {'type': 'run', 'code': os.path.join(task.directory, 'code')})

    def finish(self, task):
        self._task = None
        if self._interpreter is not None:
            self._interpreter.resume()
        # What a killed job had shown is whole, and stays.
        task.result_count = max(task.result_count, count_results(task.results))

    def worker_said(self, message):
        task = self._task
        if task is None:
            return
        kind = message.get('type')
        if kind == 'progress':
            # What was printed before stands before it in the spool.
            task.drain_outputs()
            task.progress(float(message.get('progress', 0)), message.get('info', []))
        elif kind == 'done':
            task.drain_outputs()
            task.result_count = int(message.get('resultCount', 0))
            end = ('succeeded', None)
            if message.get('outcome') != 'succeeded':
                end = ('failed', failure(PYTHON_EXECUTE_ERROR, str(message.get('message', ''))))
            if message.get('isLast'):
                # Told when it is gone: the next task must not meet it.
                self._last_end = end
            else:
                task.main_ended(*end)

    def worker_ended(self, how):
        self._interpreter = None
        self._names_lost = True
        task = self._task
        end, self._last_end = self._last_end, None
        if task is not None:
            task.drain_outputs()
            if end is None:
                end = ('failed', failure(
                    INTERPRETER_STOPPED,
                    'The Python interpreter ended before the job did: %s. The next job gets a new one.' % how,
                ))
            task.main_ended(*end)

    def _start_interpreter(self, channel, output):
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        worker = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'python_worker.py')
        try:
            return spawn(
                [self._host.configuration['pythonPath'], worker, sys.pycache_prefix or ''],
                self._host.environment(), self._host.work_directory, (null, output, output, channel),
                self._host.file_bytes_max,
            )
        finally:
            os.close(null)


def count_results(directory):
    try:
        return sum(1 for name in os.listdir(directory) if name.endswith('.dolphin'))
    except OSError:
        return 0
