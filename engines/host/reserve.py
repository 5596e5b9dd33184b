"""Space that is given up when the disk is full, so that the end of a task can still be recorded."""

import os

_BYTES = 64 * 1024


class Reserve:
    """A file that stands for room; `spend` frees it, `make` takes it back when there is some again."""

    def __init__(self, path):
        self._path = path
        self._is_there = False

    def make(self):
        if self._is_there:
            return
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, _BYTES)
            finally:
                os.close(fd)
            self._is_there = True
        except OSError:
            pass  # The disk is full already; the next task tries again.

    def spend(self):
        self._is_there = False
        try:
            os.unlink(self._path)
        except OSError:
            pass
