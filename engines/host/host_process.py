"""What the host does to itself, and to its own files, before it serves anybody."""

import os
import resource

# Fewer, and the host itself could not work.
_OPEN_FILES_MIN = 64


def boot_id():
    with open('/proc/sys/kernel/random/boot_id') as file:
        return file.read().strip()


def write_private(path, text):
    """Whole or not at all, for our user only."""
    fd = os.open(path + '.part', os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, 'w') as file:
        file.write(text)
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
