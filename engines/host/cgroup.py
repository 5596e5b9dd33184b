"""A cgroup v2 directory per engine, where the tree is writable: what is in it can be ended even when the host is gone."""

import os

_PREFIX = 'tenon-'


def join_cgroup(engine_id):
    """The directory we are in from now on, below the present one; None where there is none to be had (the usual case)."""
    try:
        with open('/proc/self/cgroup') as file:
            here = next(line.rstrip('\n').split('::', 1)[1] for line in file if line.startswith('0::'))
        with open('/proc/self/mountinfo') as file:
            mount = next(line.split()[4] for line in file if ' - cgroup2 ' in line)
    except (OSError, StopIteration):
        return None
    parent = os.path.join(mount, here.lstrip('/'))
    # Engine ids are unique in one data directory only, so the pid goes along.
    path = os.path.join(parent, '%s%s-%d' % (_PREFIX, engine_id, os.getpid()))
    try:
        _make(path)
        with open(os.path.join(path, 'cgroup.procs'), 'w') as file:
            file.write(str(os.getpid()))
    except OSError:
        return None
    _remove_left_behind(parent)
    return path


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
            try:
                os.rmdir(os.path.join(parent, name))
            except OSError:
                continue
