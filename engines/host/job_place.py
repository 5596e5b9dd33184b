"""
The directories of tasks: `jobs/<taskID>-<attempt>/{code,spool}`.

The files of the task before are written over and renamed, not removed and made again: some file systems (ext4) pass over
what was deleted in the last seconds whenever they look for an inode, which takes longer than all else a short task costs.
"""

import os
import stat

from spool import Spool
from trash import remove_tree

# More would be kept from everybody else for as long as the engine is idle.
_KEPT_BYTES_MAX = 1024 * 1024


class JobPlaces:
    """`make` a directory, and `retire` it: then nobody can find it any more."""

    def __init__(self, directory, trash):
        self._jobs = os.path.join(directory, 'jobs')
        self._trash = trash
        # Not the name of a task, so nobody takes what is in it for one.
        self._spare = os.path.join(self._jobs, '.spare')

    def path(self, task_id, attempt):
        return os.path.join(self._jobs, '%d-%d' % (task_id, attempt))

    def make(self, path, code, opened):
        """
        The spool of a new task, with `opened` as its first record. On disk when it returns, so that whoever comes later
        knows of the task; nothing is left if it fails. FileExistsError: that task was here before.
        """
        if os.path.lexists(path):
            raise FileExistsError(path)
        try:
            os.mkdir(self._spare, 0o700)
        except FileExistsError:
            pass
        try:
            _write_over(os.path.join(self._spare, 'code'), code)
            spool = Spool(os.path.join(self._spare, 'spool'))
            try:
                opened(spool)
                spool.cut()
                os.rename(self._spare, path)
            except BaseException:
                spool.close()
                raise
        except BaseException:
            remove_tree(self._spare)
            raise
        return spool

    def retire(self, path):
        try:
            os.rename(path, self._spare)
        except FileNotFoundError:
            return
        except OSError:
            # A spare one is there already: of a task that was confirmed long after it had gone.
            self._trash.put(path)
            return
        if not self._is_fit():
            self._trash.put(self._spare)

    def _is_fit(self):
        """Whether nothing but the two files is left, and they are what we made them."""
        try:
            for name in os.listdir(self._spare):
                path = os.path.join(self._spare, name)
                if name == 'results':
                    # Empty: the owner has taken them.
                    os.rmdir(path)
                    continue
                found = os.lstat(path)
                if name not in ('code', 'spool') or not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                    return False
                if found.st_size > _KEPT_BYTES_MAX:
                    return False
        except OSError:
            return False
        return True


def _write_over(path, data):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        written = 0
        while written < len(data):
            written += os.pwrite(fd, data[written:] if written else data, written)
        # Afterwards: a file that was cut to nothing and filled again is written to the disk when it is closed.
        os.ftruncate(fd, len(data))
    finally:
        os.close(fd)
