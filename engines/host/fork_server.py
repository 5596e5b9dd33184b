"""
Starts engine hosts as copies of itself: one process per node that has everything imported already.

    python3 -I -S fork_server.py        (with TENON_ENGINE_MARK in its environment, of a mark's length)

Requests come on standard input: number, length, length (4 bytes each), so many bytes of JSON for this process (`engineId`,
`mark`), so many for the new host, which alone reads them: this process never holds the secret of an engine. Reports go to
standard output, a line of JSON each:

    {"ready": true}                     nothing else is said when this kernel cannot do it: the exit code says so
    {"launch": 7, "made": true}         said by the host itself, and false where there is such an engine already
    {"launch": 7, "record": {…}}        it listens; what stands in engine.json
    {"launch": 7, "code": 0}            or {"launch": 7, "signal": "SIGKILL"}

It is no engine and has no task. It ends with its node, whose end of standard input closes, and when it has had nothing to
do for a while; the hosts it started are of sessions of their own and go on.
"""

import ctypes
import gc
import json
import os
import select
import signal
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import host
import python_engine  # noqa: F401  (for the hosts to come)
import shell_engine
from as_user import give_place
from cgroup import engines_cgroup, hand_down_controllers, make_cgroup, remove_cgroup
from fork import fork_into
from process_tree import MARK_VARIABLE, show_name
from trash import remove_tree

_HEADER = struct.Struct('>III')
_IDLE_S = 60.0
_ENVIRONMENT_START = 47
_WENT_OUT_OF_STEP = 3
_CANNOT_MARK = 4


class MarkPlace:
    """
    Where the kernel shows the mark of this process to others. `fork` copies it and, without an `exec`, nobody would ever
    replace it: what looks for an engine's processes in /proc/PID/environ would not see the engine itself.
    """

    def __init__(self):
        with open('/proc/self/environ', 'rb') as file:
            environment = file.read()
        with open('/proc/self/stat', 'rb') as file:
            line = file.read()
        name = MARK_VARIABLE.encode() + b'='
        entries = environment.split(b'\0')
        entry = next(each for each in entries if each.startswith(name))
        before = sum(len(each) + 1 for each in entries[:entries.index(entry)])
        start = int(line[line.rindex(b')') + 2:].split()[_ENVIRONMENT_START])
        self._address = start + before + len(name)
        self._length = len(entry) - len(name)
        if start == 0 or ctypes.string_at(self._address, self._length) != entry[len(name):]:
            raise ValueError('the environment is not where the kernel says')

    def put(self, mark):
        if len(mark) != self._length:
            raise ValueError('a mark has %d bytes, not %d' % (self._length, len(mark)))
        ctypes.memmove(self._address, mark, self._length)

    def clear(self):
        ctypes.memset(self._address, ord('-'), self._length)


class ForkServer:
    """One thread and no lock, as the hosts are: a copy is never taken in the middle of anything."""

    def __init__(self):
        self._place = MarkPlace()
        self._hosts = {}
        self._cgroups = engines_cgroup()
        if self._cgroups is not None:
            hand_down_controllers(self._cgroups)
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake = wake_read
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def run(self):
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        report({'ready': True})
        while True:
            ready = [fd for fd, _ in poll.poll(_IDLE_S * 1000)]
            if self._wake in ready:
                self._reap()
            if 0 in ready:
                header = read_exactly(_HEADER.size)
                if header is None:
                    return 0
                if not self._launch(*_HEADER.unpack(header)):
                    return _WENT_OUT_OF_STEP
            if not ready and not self._hosts:
                return 0

    def _reap(self):
        try:
            while os.read(self._wake, 4096):
                pass
        except BlockingIOError:
            pass
        while self._hosts:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self._hosts.pop(pid)
            if os.WIFSIGNALED(status):
                report({'launch': number, 'signal': shell_engine.signal_name(os.WTERMSIG(status))})
            else:
                report({'launch': number, 'code': os.WEXITSTATUS(status)})

    def _launch(self, number, about_length, length):
        """False if the request was not read to its end: what follows would be taken for something else."""
        about = read_exactly(about_length)
        if about is None:
            return False
        about = json.loads(about)
        cgroup = make_cgroup(self._cgroups, about['engineId'], os.getpid())
        # Before there is a copy: whoever ends us in a hurry finds even one that has not run yet.
        self._place.put(about['mark'].encode())
        taken_read, taken_write = os.pipe2(os.O_CLOEXEC)
        pid, cgroup = fork(cgroup)
        if pid == 0:
            try:
                become_host(number, length, about['mark'], cgroup, taken_write)
            finally:
                # Never back into the server's loop.
                os._exit(1)
        # We outlive the engine, and must not be swept away with what is left of it.
        self._place.clear()
        self._hosts[pid] = number
        os.close(taken_write)
        is_taken = os.read(taken_read, 1) != b''
        os.close(taken_read)
        return is_taken


def fork(cgroup):
    """(pid, the cgroup the new process is in or None)"""
    if cgroup is not None:
        try:
            return fork_into(cgroup), cgroup
        except OSError:
            remove_cgroup(cgroup)
    return os.fork(), None


def become_host(number, length, mark, cgroup, taken):
    """In the new process: everything a host finds when it is started by itself."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    line = read_exactly(length)
    if line is None:
        return
    os.write(taken, b'.')
    configuration = json.loads(line)
    account = configuration.get('account')
    log = make_place(configuration['place'], account)
    if log is None:
        report({'launch': number, 'made': False})
        return
    report({'launch': number, 'made': True})
    os.dup2(1, 3)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(configuration['hostEnvironment'])
    os.environ[MARK_VARIABLE] = mark
    show_name('tenon-' + configuration['engineType'])
    if cgroup is not None:
        configuration['cgroup'] = cgroup
    try:
        host.serve(configuration, lambda engine: announce(engine, number))
    except BaseException:
        import traceback
        traceback.print_exc()
        sys.stderr.flush()
        return
    os._exit(0)


def announce(engine, number):
    """
    With all that whoever launched it needs to attach. The files for later owners are written meanwhile: nobody is attached,
    and nothing is asked of the engine, before they are there.
    """
    identity = engine.listen()
    os.write(3, line_of({'launch': number, 'record': identity}))
    engine.introduce(identity)


def make_place(place, account):
    """
    The directory of a new engine, with its first files, from one moment to the next; our working directory. Its open log,
    or None where there is one already.
    """
    draft = place['draft']
    try:
        os.mkdir(draft, 0o700)
        os.chdir(draft)
        for name, text in place['files'].items():
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.write(fd, text.encode())
            os.close(fd)
        log = os.open('host.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if account is not None:
            give_place(account, 'host.log', draft)
        os.rename(draft, place['path'])
        return log
    except OSError:
        remove_tree(draft)
        return None


def line_of(value):
    return json.dumps(value).encode() + b'\n'


def report(value):
    """One write, so that lines of several processes do not mix."""
    os.write(1, line_of(value))


def read_exactly(length):
    """None at the end of standard input."""
    parts = []
    while length > 0:
        part = os.read(0, min(length, 65536))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b''.join(parts)


def main():
    # A terminal's Ctrl-C is the node's to answer.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    try:
        server = ForkServer()
    except (OSError, ValueError, StopIteration, IndexError) as error:
        sys.stderr.write('This kernel does not show where an environment lies: %s\n' % error)
        os._exit(_CANNOT_MARK)
    show_name('tenon-launcher')
    # What is here already is never garbage, and must not be copied just because a host looks for some.
    gc.collect()
    gc.freeze()
    try:
        code = server.run()
    except (BrokenPipeError, ConnectionResetError):
        code = 0
    os._exit(code)


if __name__ == '__main__':
    main()
