"""
Runs engines as the operating system's account of their user, where the node may do that (docs/operations.md, Isolation).

    python3 -I -S as_user.py <account as JSON> <program> <argument> …      for engines that are other programs; `socketPath` and `processesMax` go along
"""

import ctypes
import json
import os
import resource
import sys

_PR_SET_NO_NEW_PRIVS = 38
# Processes are counted for all engines of a user together, so this is no limit of one engine, only an end to fork bombs.
_PROCESSES_MIN = 1024
_PROCESSES_FACTOR = 4


def give_place(account, *paths):
    """What its engine has to write in becomes the account's."""
    for path in paths:
        os.chown(path, account['uid'], account['gid'], follow_symlinks=False)


def make_socket_directory(account, socket_path):
    """A folder of its own for the socket: in the one for all, no user may make anything."""
    directory = os.path.dirname(socket_path)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        # Of an engine of this name that nobody cleared away. It can't be in use: names are given once.
        try:
            os.unlink(socket_path)
        except FileNotFoundError:
            pass
        os.rmdir(directory)
        os.mkdir(directory, 0o700)
    give_place(account, directory)


def become(account, processes_max):
    """For good: no way leads back, also none through programs that run as somebody else (`sudo`)."""
    uid, gid = account['uid'], account['gid']
    if uid == 0:
        raise PermissionError('engines never run as root when they run as their users')
    processes = max(_PROCESSES_MIN, processes_max * _PROCESSES_FACTOR)
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.initgroups(account['name'], gid)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if os.getresuid() != (uid, uid, uid) or os.getresgid() != (gid, gid, gid):
        raise PermissionError('the account could not be changed to %s' % account['name'])
    # Also so that everything the engine starts stays something it may signal.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise PermissionError('this kernel cannot keep a process from gaining privileges')
    os.umask(0o022)


def main():
    account = json.loads(sys.argv[1])
    make_socket_directory(account, account['socketPath'])
    become(account, account['processesMax'])
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == '__main__':
    main()
