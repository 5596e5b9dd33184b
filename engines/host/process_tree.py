"""
Finds and ends everything a task started (decision 35).

The host is a child subreaper, so a descendant stays a descendant whatever it does: fork twice, leave the session, clear
its environment. The walk over /proc is therefore exact while the host lives. The environment marker and the cgroup are
looked at too; they are what is left when somebody killed the host itself.
"""

import ctypes
import os
import signal
import time

# Set by our launcher to a value of its own for each engine process, and inherited by all we start.
MARK_VARIABLE = 'TENON_ENGINE_MARK'
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_RECHECK_S = 0.02
_GIVE_UP_S = 60.0
_RECEIPT_PIDS_MAX = 100


def _find_prctl():
    try:
        return ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None


_prctl = _find_prctl()


def become_subreaper():
    """False where the kernel has no such thing; then the environment marker is all there is."""
    return _prctl is not None and _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def show_name(name):
    """What `top` and `ps -o comm` show, up to 15 characters: a fork would else look like what it was forked from."""
    if _prctl is not None:
        _prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def _read(path, length):
    """The beginning of a small file, or None. Several times cheaper than a file object, and a scan reads hundreds."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, length)
    except OSError:
        return None
    finally:
        os.close(fd)


def _status(pid):
    """(state, parent, start time) of a process, or None if it is gone."""
    line = _read('/proc/%d/stat' % pid, 1024)
    if not line:
        return None
    # The name in parentheses may hold anything, so fields are counted from its end.
    fields = line[line.rindex(b')') + 2:].split(None, 20)
    return fields[0], int(fields[1]), int(fields[19])


def start_time(pid):
    status = _status(pid)
    return None if status is None else status[2]


def _is_dead(pid):
    status = _status(pid)
    return status is None or status[0] in (b'Z', b'X')


def _pids():
    return [int(name) for name in os.listdir('/proc') if name.isdigit()]


def descendants(root):
    """Living descendants in the order parents before children."""
    children = {}
    for pid in _pids():
        status = _status(pid)
        if status is not None:
            children.setdefault(status[1], []).append((pid, status[0]))
    found = []
    waiting = [root]
    while waiting:
        for pid, state in children.get(waiting.pop(), ()):
            waiting.append(pid)
            # A zombie is dead already, but while it waits to be reaped its children may not be.
            if state not in (b'Z', b'X'):
                found.append(pid)
    return found


def marked(marker):
    """Processes started with `marker` (NAME=value, bytes) in their environment."""
    found = []
    for pid in _pids():
        environment = _read('/proc/%d/environ' % pid, 256 * 1024)
        if environment and marker in environment.split(b'\0'):
            found.append(pid)
    return found


def command_line(pid):
    return _read('/proc/%d/cmdline' % pid, 4096) or b''


class Family:
    """Everything that belongs to this engine, but the host and what `spare` names."""

    def __init__(self, mark, cgroup, spare):
        self._marker = MARK_VARIABLE.encode() + b'=' + mark.encode()
        self._cgroup = cgroup
        self._spare = spare

    def members(self, thorough=False):
        found = descendants(os.getpid())
        if thorough:
            known = set(found)
            others = marked(self._marker) + self._grouped()
            found += [pid for pid in dict.fromkeys(others) if pid not in known and not _is_dead(pid)]
        return self._but_spared(found)

    def left_over(self):
        """Like `members`, as cheap as can be: asked at the end of every task that keeps its engine process."""
        if self._cgroup is None:
            return self.members()
        return self._but_spared([pid for pid in self._grouped() if not _is_dead(pid)])

    def _but_spared(self, found):
        spared = self._spare(found)
        spared.add(os.getpid())
        return [pid for pid in found if pid not in spared]

    def _grouped(self):
        if self._cgroup is None:
            return []
        listed = _read(os.path.join(self._cgroup, 'cgroup.procs'), 1024 * 1024) or b''
        return [int(line) for line in listed.split()]


def send(pids, number):
    """Pids that refused the signal because they are not ours to end."""
    refused = []
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            refused.append(pid)
    return refused


class Ending:
    """
    TERM, grace, then KILL of all members. `on_done(survivors)` when nothing is left; survivors are pids that a minute of
    killing did not end: another user's, or stuck in the kernel.
    """

    def __init__(self, loop, family, grace_s, on_done):
        self._loop = loop
        self._family = family
        self._on_done = on_done
        self._timer = None
        self._began = time.monotonic()
        self._kill_at = self._began + grace_s
        self._give_up_at = self._kill_at + _GIVE_UP_S
        self._recheck_s = 0.002
        # Both in order, and each once.
        self._signals = {}
        self._seen = {}
        if grace_s > 0:
            members = self._note(family.members())
            if members:
                self._signals['SIGTERM'] = True
            send(members, signal.SIGTERM)
            # A stopped process would take notice of TERM only when somebody continues it.
            send(members, signal.SIGCONT)
        # Never from within the constructor: whoever ends something first wants to have hold of it.
        self._again(0)

    def hasten(self, grace_s):
        """A second wish may shorten the grace, never lengthen it."""
        self._kill_at = min(self._kill_at, time.monotonic() + grace_s)
        self._again(0)

    def receipt(self, survivors):
        """What was done, and to whom (G4). Stopping and continuing are means, and not listed."""
        ended = [pid for pid in self._seen if pid not in survivors]
        return {
            'signals': list(self._signals),
            'processesEnded': len(ended),
            'pids': ended[:_RECEIPT_PIDS_MAX],
            'tookMs': round((time.monotonic() - self._began) * 1000),
        }

    def _note(self, pids):
        self._seen.update(dict.fromkeys(pids))
        return pids

    def child_exited(self):
        if self._timer is not None and time.monotonic() < self._kill_at:
            self._again(0)

    def _check(self):
        self._timer = None
        self._loop.reap()
        now = time.monotonic()
        if now >= self._kill_at:
            self._kill()
            self._loop.reap()
        members = self._family.members()
        if not members:
            members = self._family.members(thorough=True)
        self._note(members)
        if not members:
            self._on_done([])
        elif now >= self._give_up_at:
            self._on_done(members)
        else:
            self._again(self._recheck_s)
            self._recheck_s = min(_RECHECK_S, self._recheck_s * 2)

    def _again(self, seconds):
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.after(seconds, self._check)

    def _kill(self):
        """Stop all until a scan finds nothing new, so that nobody forks away from it; then kill, children first."""
        stopped = set()
        ordered = []
        for _ in range(100):
            new = [pid for pid in self._family.members(thorough=True) if pid not in stopped]
            if not new:
                break
            send(new, signal.SIGSTOP)
            stopped.update(new)
            ordered += new
        if ordered:
            self._signals['SIGKILL'] = True
        send(reversed(self._note(ordered)), signal.SIGKILL)
