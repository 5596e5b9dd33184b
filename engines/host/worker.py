"""A process that runs jobs one after the other, and what its host holds of it."""

import json
import os
import signal
import socket

from output import output_pipe
from shell_engine import signal_name

_MESSAGE_BYTES_MAX = 1024 * 1024
_READ_BYTES = 65536
_LEFTOVER_READS_MAX = 64


class Worker:
    """
    A channel of JSON lines, one a message, and one pipe for all it prints. What it says and how it ends, its engine
    hears by `worker_said(message)` and `worker_ended(how)`.
    """

    def __init__(self, host, engine, start):
        """`start(channel_fd, output_fd)` makes the process that has the far ends, and gives its pid."""
        self._host = host
        self._engine = engine
        self._loop = host.loop
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._output_fd, output_write = output_pipe()
        try:
            self.pid = start(theirs.fileno(), output_write)
        except OSError:
            self._channel.close()
            os.close(self._output_fd)
            raise
        finally:
            os.close(output_write)
            theirs.close()
        self._channel.setblocking(False)
        self._incoming = bytearray()
        self._outgoing = b''
        self._paused = False
        self._closed = False
        self._watch()
        self._loop.on_exit(self.pid, self._exited)

    def run(self, task, request):
        """Sends `request`, and with it what every worker is told of a task."""
        task.make_results()
        # A descriptor of its own, so that the task may close it.
        task.add_output(os.dup(self._output_fd))
        task.add_source(self)
        message = {
            'taskID': task.task_id,
            'results': task.results,
            'parameters': task.spec.get('runtimeParams', {}),
            'environment': dict(task.spec.get('environment', {}), TENON_TASK_ID=str(task.task_id)),
            **request,
        }
        self._outgoing += json.dumps(message).encode() + b'\n'
        self._write()

    def read_leftover(self):
        """What was printed since the last task ended. Bounded: something may print without end."""
        parts = []
        try:
            while len(parts) < _LEFTOVER_READS_MAX:
                chunk = os.read(self._output_fd, _READ_BYTES)
                if not chunk:
                    break
                parts.append(chunk)
        except BlockingIOError:
            pass
        return b''.join(parts)

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

    def _readable(self):
        try:
            chunk = self._channel.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b''
        if not chunk:
            # The code closed its descriptor, or the process is about to be reaped.
            self._closed = True
            self._loop.watch(self._channel.fileno())
            self._loop.after(0.5, self._give_up)
            return
        self._incoming += chunk
        *lines, self._incoming = self._incoming.split(b'\n')
        for line in lines:
            self._handle(line)
        if len(self._incoming) > _MESSAGE_BYTES_MAX:
            self._give_up()

    def _handle(self, line):
        try:
            message = json.loads(line)
            if isinstance(message, dict):
                self._engine.worker_said(message)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            self._host.write_log('A message of the worker cannot be understood: %s\n' % error)

    def _give_up(self):
        """Without its channel it is of no use: it goes, and takes its task along."""
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
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
        self._engine.worker_ended(how)
        os.close(self._output_fd)
