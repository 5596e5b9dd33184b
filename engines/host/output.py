"""Reads one pipe of a job at the pace its reader can take, and in large pieces."""

import fcntl
import os
import time

READ_BYTES = 256 * 1024
_F_SETPIPE_SZ = 1031
_SMALL_BYTES = 16 * 1024
_BUSY_S = 0.010
_HOLD_S = 0.005


def output_pipe():
    """(read end, write end); the pipe is large, so that a job is not woken for every few lines."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(read_end, _F_SETPIPE_SZ, READ_BYTES)
    except OSError:
        pass  # Beyond the user's share of pipe pages: the default size works, only slower.
    os.set_blocking(read_end, False)
    return read_end, write_end


class Output:
    """
    `on_bytes(chunk)` for what is read, `on_end()` at its end. A job that writes line by line is read at most every few
    milliseconds: the kernel gathers the lines meanwhile, which costs neither side anything.
    """

    def __init__(self, loop, fd, on_bytes, on_end):
        self._loop = loop
        self._fd = fd
        self._on_bytes = on_bytes
        self._on_end = on_end
        self._last_read = 0.0
        self._hold = None
        self._paused = False
        loop.watch(fd, reader=self._readable)

    def pause(self):
        if not self._paused:
            self._paused = True
            self._update()

    def resume(self):
        if self._paused:
            self._paused = False
            self._update()

    def drain(self):
        """Reads what is there now, paused or not."""
        while self._fd >= 0 and self._read():
            pass

    def close(self):
        if self._fd < 0:
            return
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        self._loop.watch(self._fd)
        os.close(self._fd)
        self._fd = -1

    def _update(self):
        if self._fd >= 0:
            ready = not self._paused and self._hold is None
            self._loop.watch(self._fd, reader=self._readable if ready else None)

    def _readable(self):
        before = self._last_read
        length = self._read()
        self._last_read = time.monotonic()
        if 0 < length < _SMALL_BYTES and self._last_read - before < _BUSY_S and self._fd >= 0:
            self._hold = self._loop.after(_HOLD_S, self._release)
            self._update()

    def _release(self):
        self._hold = None
        self._update()

    def _read(self):
        """Bytes read; 0 at the end or when there is nothing now."""
        try:
            chunk = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return 0
        if not chunk:
            self.close()
            self._on_end()
            return 0
        self._on_bytes(chunk)
        return len(chunk)
