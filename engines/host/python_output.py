"""
`sys.stdout` and `sys.stderr` of jobs. Both end in the same pipe, so that their order is kept.

Every line is written at once, until a job prints so much that the calls into the kernel cost more than the printing;
then lines go in batches of a few milliseconds. Before anything else could write to the same pipe (a child process is
started, `stderr` is used) what waits is written first.
"""

import io
import os
import sys
import threading
import time

_CREDIT = 200
_PERIOD_S = 0.005
_ROUNDS = 40
_FIRST_LINES = 10
_FIRST_BYTES = 100 * 1024
# Events after which somebody else may write to our pipe.
_STARTS = frozenset((
    'subprocess.Popen', 'os.system', 'os.posix_spawn', 'os.fork', 'os.forkpty', 'os.exec', 'os.spawn', 'os.startfile',
))


class HeadFile(io.FileIO):
    """Keeps a copy of the first lines, as the result of a job that only prints. Costs nothing after those."""

    head = None


def _write_and_keep(file, data):
    count = io.FileIO.write(file, data)
    head = HeadFile.head
    if head is not None:
        head += bytes(data[:count])
        if len(head) > _FIRST_BYTES or head.count(b'\n') >= _FIRST_LINES:
            del HeadFile.write
    return count


class JobStream(io.TextIOWrapper):
    """
    Line by line while the credit lasts. When it is spent, `write` becomes the plain method in C, and a thread flushes
    every few milliseconds; after a while it gives new credit and ends, so that a quiet job has no thread of ours.
    """

    def __init__(self, raw):
        super().__init__(
            io.BufferedWriter(raw, 65536), encoding='utf-8', errors='backslashreplace', newline='\n',
        )
        self._credit = _CREDIT
        self._flusher = None
        self._is_child = False

    def write(self, text, _write=io.TextIOWrapper.write):
        count = _write(self, text)
        if '\n' in text:
            self.flush()
            self._credit -= 1
            if self._credit <= 0 and not self._is_child:
                self._start_batches()
        return count

    def _start_batches(self):
        if self._flusher is None:
            self.__dict__['write'] = super().write
            self._flusher = threading.Thread(target=self._keep_flushing, name='tenon-flush', daemon=True)
            self._flusher.start()

    def _keep_flushing(self):
        me = threading.current_thread()
        for _ in range(_ROUNDS):
            time.sleep(_PERIOD_S)
            if self._flusher is not me:
                return
            self.flush()
        self._line_by_line()

    def _line_by_line(self):
        self._flusher = None
        self.__dict__.pop('write', None)
        self._credit = _CREDIT
        self.flush()

    def settle(self):
        """All that was printed is in the pipe, and no thread of ours is left."""
        flusher = self._flusher
        self._line_by_line()
        if flusher is not None and flusher is not threading.current_thread():
            flusher.join(1)

    def in_child(self):
        """A forked child has no threads but its own, so every line goes out at once."""
        self._is_child = True
        self._line_by_line()

    def isatty(self):
        return False


class ErrorStream(io.TextIOWrapper):
    """Unbuffered; what was printed before comes first."""

    def __init__(self, raw, out):
        super().__init__(raw, encoding='utf-8', errors='backslashreplace', newline='\n', write_through=True)
        self._out = out

    def write(self, text, _write=io.TextIOWrapper.write):
        self._out.flush()
        return _write(self, text)


class JobOutput:
    """Both streams of the interpreter, from the beginning of a task to its end."""

    def __init__(self):
        self.out = JobStream(HeadFile(1, 'wb', closefd=False))
        self.error = ErrorStream(io.FileIO(2, 'wb', closefd=False), self.out)
        sys.stdout = sys.__stdout__ = self.out
        sys.stderr = sys.__stderr__ = self.error
        sys.addaudithook(self._audit)
        os.register_at_fork(before=self.out.settle, after_in_child=self.out.in_child)

    def begin(self):
        HeadFile.head = bytearray()
        HeadFile.write = _write_and_keep
        # A job may have put something else there, and gone.
        sys.stdout = self.out
        sys.stderr = self.error

    def end(self):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        self.flush()
        if 'write' in HeadFile.__dict__:
            del HeadFile.write
        HeadFile.head = None

    def flush(self):
        self.out.settle()

    def first_lines(self):
        """What the job printed, up to ten lines."""
        self.out.flush()
        lines = bytes(HeadFile.head or b'').split(b'\n')
        return [line for line in lines[:_FIRST_LINES] if line or line is not lines[-1]]

    def _audit(self, event, _arguments):
        if event in _STARTS:
            self.out.flush()


def install_output():
    return JobOutput()
