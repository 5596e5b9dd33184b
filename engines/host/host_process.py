"""What the host does to itself, and to its own files, before it serves anybody."""

import os
import resource

from as_user import become, make_socket_directory
from cgroup import join_cgroup, limit_cgroup

# Fewer, and the host itself could not work.
_OPEN_FILES_MIN = 64


def boot_id():
    with open('/proc/sys/kernel/random/boot_id') as file:
        return file.read().strip()


def write_private(path, text):
    """For our user only."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        data = text.encode()
        while data:
            data = data[os.write(fd, data):]
    finally:
        os.close(fd)


def write_whole(path, text):
    """Whole or not at all, for our user only."""
    write_private(path + '.part', text)
    os.rename(path + '.part', path)


def set_limits(open_files_max):
    """For the host and all it starts; lowering works for everybody, raising only where it was allowed before."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files_max = max(open_files_max, _OPEN_FILES_MIN)
    wanted = open_files_max if hard == resource.RLIM_INFINITY else min(open_files_max, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    # A spool may be larger than what somebody allows in his shell; jobs get a limit of their own.
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def take_place(configuration):
    """
    Limits, cgroup, account: in this order, since only the first account may do it. Returns the cgroup or None, and the
    names of what it holds.
    """
    limits = configuration['limits']
    set_limits(limits['openFilesMax'])
    cgroup = configuration.get('cgroup') or join_cgroup(configuration['engineId'])
    held = [] if cgroup is None else limit_cgroup(cgroup, limits)
    account = configuration.get('account')
    if account is not None:
        make_socket_directory(account, configuration['socketPath'])
        become(account, limits['processesMax'])
    return cgroup, held
