"""
Holds a running task to the limits of its engine (decision 36): memory, processes and disk of all its processes together.
The kernel's own limits don't: for root the process limit counts for nothing, and one on address space breaks Java.
"""

import os
import time

from task_failure import DISK_LIMIT, MEMORY_LIMIT, PROCESS_LIMIT, failure

_FIRST_S = 0.1
_INTERVAL_S = 0.5
_NEAR_INTERVAL_S = 0.1
_DISK_INTERVAL_S = 2.0
# Watching may cost at most this share of the time.
_SHARE = 0.02
_PAGE_BYTES = os.sysconf('SC_PAGE_SIZE')


class Watchdog:
    """`on_breach(failure)` once; look at `cancel`."""

    def __init__(self, loop, family, directory, limits, on_breach):
        self._loop = loop
        self._family = family
        self._directory = directory
        self._limits = limits
        self._on_breach = on_breach
        self._disk_due = 0.0
        self._timer = loop.after(_FIRST_S, self._look)

    def cancel(self):
        self._timer.cancel()

    def _look(self):
        began = time.monotonic()
        breach, is_near = self._processes()
        if breach is None and began >= self._disk_due:
            breach = self._disk()
            ended = time.monotonic()
            self._disk_due = ended + max(_DISK_INTERVAL_S, (ended - began) / _SHARE)
        if breach is not None:
            self._on_breach(breach)
            return
        cost = time.monotonic() - began
        self._timer = self._loop.after(max(_NEAR_INTERVAL_S if is_near else _INTERVAL_S, cost / _SHARE), self._look)

    def _processes(self):
        """(breach or None, whether it is close to one)"""
        members = self._family.members()
        count_max = self._limits['processesMax']
        if len(members) > count_max:
            return failure(
                PROCESS_LIMIT,
                'The job has %d processes; the limit of its engine is %d (processesMax).' % (len(members), count_max),
            ), True
        bytes_max = self._limits['memoryBytesMax']
        used = sum(map(resident_bytes, members))
        if used > bytes_max:
            # Shared pages were counted for each process; the proportional figure is exact, and slow.
            used = sum(map(proportional_bytes, members))
        if used > bytes_max:
            return failure(
                MEMORY_LIMIT,
                'The job uses %s of memory; the limit of its engine is %s (memoryBytesMax).'
                % (mebibytes(used), mebibytes(bytes_max)),
            ), True
        return None, used > bytes_max / 2 or len(members) > count_max / 2

    def _disk(self):
        bytes_max = self._limits['diskBytesMax']
        used = disk_bytes(self._directory)
        if used <= bytes_max:
            return None
        return failure(
            DISK_LIMIT,
            'The job and its engine hold %s on disk; the limit is %s (diskBytesMax).'
            % (mebibytes(used), mebibytes(bytes_max)),
        )


def memory_failure(bytes_max):
    """For a job that was faster than this watchdog, where the kernel holds the limit too."""
    return failure(
        MEMORY_LIMIT,
        'The kernel ended a process of the job because its engine had no memory left; the limit is %s (memoryBytesMax).'
        % mebibytes(bytes_max),
    )


def resident_bytes(pid):
    try:
        with open('/proc/%d/statm' % pid, 'rb') as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def proportional_bytes(pid):
    try:
        with open('/proc/%d/smaps_rollup' % pid, 'rb') as file:
            for line in file:
                if line.startswith(b'Pss:'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident_bytes(pid)


def disk_bytes(directory):
    """What the files below take on disk; links are not followed, what vanishes meanwhile does not count."""
    total = 0
    waiting = [directory]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * 512
                    except OSError:
                        continue
        except OSError:
            continue
    return total


def mebibytes(count):
    return '%.1f MiB' % (count / 1048576)
