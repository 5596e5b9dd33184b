"""
Runs tasks in one persistent interpreter, a child of the host: names live from task to task. Killing a task kills the
interpreter; the host survives and starts a new one for the next task, whose log says that the names are gone.
"""

import json
import os
import socket
import sys

from output import output_pipe
from process_tree import command_line
from shell_engine import signal_name, spawn
from task_failure import INTERPRETER_STOPPED, PYTHON_EXECUTE_ERROR, failure

_MESSAGE_BYTES_MAX = 1024 * 1024
# multiprocessing's helper belongs to the interpreter, not to a task: it is started once and used again.
_RESOURCE_TRACKER = b'from multiprocessing.resource_tracker import main'


class PythonEngine:
    """Talks to `python_worker.py` over a socket pair, one line of JSON a message; its output comes through one pipe."""

    def __init__(self, host):
        self._host = host
        self._interpreter = None
        self._task = None
        self._names_lost = False

    def warm(self):
        """Starts the interpreter ahead of the first task."""
        if self._interpreter is None and not self._host.is_leaving:
            self._interpreter = Interpreter(self._host, self)

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
        self._interpreter.run(task)

    def finish(self, task):
        self._task = None
        if self._interpreter is not None:
            self._interpreter.resume()
        # What a killed job had shown is whole, and stays.
        task.result_count = max(task.result_count, count_results(task.results))

    def interpreter_said(self, message):
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
            if message.get('outcome') == 'succeeded':
                task.main_ended('succeeded')
            else:
                task.main_ended('failed', failure(PYTHON_EXECUTE_ERROR, str(message.get('message', ''))))

    def interpreter_ended(self, how):
        self._interpreter = None
        self._names_lost = True
        task = self._task
        if task is not None:
            task.drain_outputs()
            task.main_ended('failed', failure(
                INTERPRETER_STOPPED,
                'The Python interpreter ended before the job did: %s. The next job gets a new one.' % how,
            ))


class Interpreter:
    """One worker process, its control channel and its output pipe."""

    def __init__(self, host, engine):
        self._host = host
        self._engine = engine
        self._loop = host.loop
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._output_fd, output_write = output_pipe()
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        python = host.configuration['pythonPath']
        worker = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'python_worker.py')
        try:
            self.pid = spawn(
                [python, worker, sys.pycache_prefix or ''], host.environment(), host.work_directory,
                (null, output_write, output_write, theirs.fileno()), host.file_bytes_max,
            )
        except OSError:
            ours.close()
            os.close(self._output_fd)
            raise
        finally:
            os.close(null)
            os.close(output_write)
            theirs.close()
        ours.setblocking(False)
        self._channel = ours
        self._incoming = bytearray()
        self._outgoing = b''
        self._paused = False
        self._closed = False
        self._watch()
        self._loop.on_exit(self.pid, self._exited)

    def run(self, task):
        task.make_results()
        between = self._read_leftover()
        # A descriptor of its own, so that the task may close it.
        task.add_output(os.dup(self._output_fd))
        task.add_source(self)
        if between:
            task.note('INFO', 'Printed since the previous job ended, by something it left running in the interpreter:')
            gatherer = task.line_gatherer()
            gatherer.push(between)
            gatherer.finish()
        request = {
            'type': 'run',
            'taskID': task.task_id,
            'code': os.path.join(task.directory, 'code'),
            'results': task.results,
            'parameters': task.spec.get('runtimeParams', {}),
            'environment': dict(task.spec.get('environment', {}), TENON_TASK_ID=str(task.task_id)),
        }
        self._outgoing += json.dumps(request).encode() + b'\n'
        self._write()

    def _read_leftover(self):
        parts = []
        try:
            while len(parts) < 64:
                chunk = os.read(self._output_fd, 65536)
                if not chunk:
                    break
                parts.append(chunk)
        except BlockingIOError:
            pass
        return b''.join(parts)

    def _write(self):
        try:
            while self._outgoing:
                sent = self._channel.send(self._outgoing)
                self._outgoing = self._outgoing[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self._outgoing = b''
        self._watch()

    def pause(self):
        """Messages wait with the output: what is said after a line comes after it."""
        self._paused = True
        self._watch()

    def resume(self):
        self._paused = False
        self._watch()

    def _watch(self):
        fd = self._channel.fileno()
        if fd >= 0 and not self._closed:
            self._loop.watch(
                fd, reader=None if self._paused else self._readable, writer=self._write if self._outgoing else None
            )

    def _readable(self):
        try:
            chunk = self._channel.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b''
        if not chunk:
            # The code closed our descriptor, or the interpreter is about to be reaped.
            self._closed = True
            self._loop.watch(self._channel.fileno())
            self._loop.after(0.5, self._give_up)
            return
        self._incoming += chunk
        while True:
            end = self._incoming.find(b'\n')
            if end < 0:
                if len(self._incoming) > _MESSAGE_BYTES_MAX:
                    self._give_up()
                return
            line = bytes(self._incoming[:end])
            del self._incoming[:end + 1]
            self._handle(line)

    def _handle(self, line):
        try:
            message = json.loads(line)
            if isinstance(message, dict):
                self._engine.interpreter_said(message)
        except (ValueError, TypeError, AttributeError) as error:
            self._host.write_log('A message of the interpreter cannot be understood: %s\n' % error)

    def _give_up(self):
        """Without its channel the interpreter is of no use: it goes, and takes its task along."""
        if self.pid:
            try:
                os.kill(self.pid, 9)
            except ProcessLookupError:
                pass

    def _exited(self, status):
        self.pid = 0
        # What it said last may still lie in the channel.
        if not self._closed:
            self._readable()
        self._closed = True
        self._loop.watch(self._channel.fileno())
        self._channel.close()
        if os.WIFSIGNALED(status):
            how = 'signal %s' % signal_name(os.WTERMSIG(status))
        else:
            how = 'exit code %d' % os.WEXITSTATUS(status)
        self._engine.interpreter_ended(how)
        os.close(self._output_fd)


def count_results(directory):
    try:
        return sum(1 for name in os.listdir(directory) if name.endswith('.dolphin'))
    except OSError:
        return 0
