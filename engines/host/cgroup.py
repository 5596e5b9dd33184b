"""A cgroup v2 directory per engine, where the tree is writable: what is in it can be ended even when the host is gone."""

import os

_PREFIX = 'tenon-'
# A node that was put into a child of this name (systemd: DelegateSubgroup) leaves its parent to the engines: a cgroup that
# holds processes of its own can't hand controllers down.
_NODE_CHILD = 'tenon-node'
_CPU_PERIOD_US = 100_000


def engines_cgroup():
    """Where the cgroups of engines go; None where there is no cgroup v2."""
    try:
        with open('/proc/self/cgroup') as file:
            here = next(line.rstrip('\n').split('::', 1)[1] for line in file if line.startswith('0::'))
        with open('/proc/self/mountinfo') as file:
            mount = next(line.split()[4] for line in file if ' - cgroup2 ' in line)
    except (OSError, StopIteration):
        return None
    if os.path.basename(here) == _NODE_CHILD:
        here = os.path.dirname(here)
    return os.path.join(mount, here.lstrip('/')).rstrip('/')


def make_cgroup(parent, engine_id, pid):
    """
    The new directory; None where there is none to be had (the usual case). Engine ids are unique in one data directory
    only, so a pid goes along: of the host, or of whoever forks it.
    """
    if parent is None:
        return None
    path = os.path.join(parent, '%s%s-%d' % (_PREFIX, engine_id, pid))
    try:
        _make(path)
    except OSError:
        return None
    _remove_left_behind(parent)
    return path


def join_cgroup(engine_id):
    """Makes one and enters it. (Entering costs some 10 ms: the kernel waits for all processors.)"""
    parent = engines_cgroup()
    path = make_cgroup(parent, engine_id, os.getpid())
    if path is None:
        return None
    hand_down_controllers(parent)
    try:
        _write(os.path.join(path, 'cgroup.procs'), str(os.getpid()))
    except OSError:
        remove_cgroup(path)
        return None
    return path


def remove_cgroup(path):
    try:
        os.rmdir(path)
    except OSError:
        pass


def hand_down_controllers(parent):
    """So that limits can be set below; fails where the controllers are somebody else's or `parent` holds processes."""
    for controller in ('memory', 'pids', 'cpu'):
        try:
            _write(os.path.join(parent, 'cgroup.subtree_control'), '+' + controller)
        except OSError:
            continue


def limit_cgroup(path, limits):
    """
    What of the limits the kernel holds from now on, by name. The watchdog is the one that ends a job in time and says
    why, so the kernel's bounds lie a little above its own; they stop what is faster than the watchdog looks.
    """
    memory = limits['memoryBytesMax'] + limits['memoryBytesMax'] // 8
    wanted = [
        ('memory.max', str(memory)),
        ('memory.swap.max', '0'),
        # The host and an interpreter are no processes of the job.
        ('pids.max', str(limits['processesMax'] + limits['processesMax'] // 8 + 16)),
    ]
    if limits.get('cpuCoresMax'):
        wanted.append(('cpu.max', '%d %d' % (limits['cpuCoresMax'] * _CPU_PERIOD_US, _CPU_PERIOD_US)))
    held = []
    for name, value in wanted:
        try:
            _write(os.path.join(path, name), value)
            held.append(name)
        except OSError:
            continue
    return held


def memory_kills(path):
    """How many processes the kernel has ended since the start of the engine because `memory.max` was reached."""
    try:
        with open(os.path.join(path, 'memory.events')) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith('oom_kill '))
    except (OSError, ValueError, IndexError):
        return 0


def _write(path, text):
    # Never made by us: in a cgroup tree a file that is not there is a controller that is not.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _make(path):
    try:
        os.mkdir(path)
    except FileExistsError:
        # Of an engine that had our pid before; fails unless it is empty.
        os.rmdir(path)
        os.mkdir(path)
    if not os.path.exists(os.path.join(path, 'cgroup.kill')):
        os.rmdir(path)
        raise OSError('this kernel is too old for cgroup.kill')


def _remove_left_behind(parent):
    """An engine cannot remove its own; where no node did it afterwards, the next engine does. Only empty ones go."""
    try:
        names = os.listdir(parent)
    except OSError:
        return
    for name in names:
        pid = name.rpartition('-')[2]
        if name.startswith(_PREFIX) and pid.isdigit() and not os.path.exists('/proc/' + pid):
            remove_cgroup(os.path.join(parent, name))
