"""
The engine host: one process per engine, launched detached, outliving whoever launched it.

    python3 -I -S host.py < configuration        (one line of JSON on standard input, see docs/engine-protocol.md)

Its directory is the working directory it is started in. It says `ready` on descriptor 3 when its socket listens.
"""

import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import process_tree
import wire
from cgroup import memory_kills
from event_loop import EventLoop
from host_process import boot_id, take_place, write_private, write_whole
from job_place import JobPlaces
from process_tree import Family
from reserve import Reserve
from socket_server import SocketServer
from spool import SpoolFullError
from task import Task, spec_problem
from task_failure import TIMED_OUT, failure
from trash import Trash

_LOG_BYTES_MAX = 1024 * 1024
_LEAVE_S = 3.0
_FIRST_OWNER_MS = 10_000


class Host:
    """Joins the parts, and decides what no single part can: who is obeyed, when there is room, when to leave."""

    def __init__(self, configuration, cgroup, limited):
        self.directory = os.getcwd()
        self.engine_id = configuration['engineId']
        self.engine_type = configuration['engineType']
        self.configuration = configuration
        self.line_bytes_max = configuration['lineBytesMax']
        self.kill_grace_s = configuration['killGraceMs'] / 1000
        self.limits = configuration['limits']
        self.file_bytes_max = self.limits['diskBytesMax']
        self.work_directory = os.path.join(self.directory, 'work')
        self.now = time.monotonic
        self.loop = EventLoop(self._crashed)
        self.task = None
        self.trash = Trash(self.loop, self.directory)
        self.places = JobPlaces(self.directory, self.trash)
        self.is_leaving = False
        self.reserve = Reserve(os.path.join(self.directory, 'reserve'))
        self._orphan_timer = None
        self._left = False
        self._leave_by = None
        self._was_attached = False
        self._is_prepared = False
        self._log_bytes = 0
        self._user_environment = configuration['environment']
        self.cgroup = cgroup
        # The files of the cgroup by which the kernel holds a limit; the watchdog looks after all of them in any case.
        self.cgroup_limits = limited
        if not process_tree.become_subreaper():
            self.write_log('This kernel has no subreapers: processes that leave the tree are found by their mark only.\n')
        self.engine = make_engine(self)
        self.mark = os.environ[process_tree.MARK_VARIABLE]
        self.family = Family(self.mark, self.cgroup, self.engine.spare)
        self.family_with_engine = Family(self.mark, self.cgroup, lambda pids: set())
        self.server = None

    def listen(self):
        """Returns what engine.json is going to say."""
        path = self.configuration['socketPath']
        secret = bytes.fromhex(self.configuration['secret'])
        self.server = SocketServer(self, path, secret, self.configuration['windowBytes'])
        self.loop.on_signal(signal.SIGTERM, lambda: self.leave(self.kill_grace_s))
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        return {
            'protocolVersion': wire.PROTOCOL_VERSION,
            'engineId': self.engine_id,
            'engineType': self.engine_type,
            'user': self.configuration['user'],
            'creator': self.configuration['creator'],
            'pid': os.getpid(),
            'startTime': process_tree.start_time(os.getpid()),
            'bootId': boot_id(),
            'socketPath': path,
            'mark': self.mark,
            'cgroup': self.cgroup,
            'cgroupLimits': self.cgroup_limits,
            'python': '%d.%d.%d' % sys.version_info[:3],
            'limits': self.limits,
        }

    def introduce(self, identity):
        """To owners that come later. Without an engine.json they believe nothing else that is there, so it comes last."""
        write_private(os.path.join(self.directory, 'secret'), self.configuration['secret'] + '\n')
        for name, text in self.configuration.get('files', {}).items():
            write_private(os.path.join(self.directory, name), text)
        write_whole(os.path.join(self.directory, 'engine.json'), json.dumps(identity, indent=2) + '\n')

    def _prepare(self):
        """What the first task needs. Done when somebody has attached, who was waiting for no more than that."""
        if self._is_prepared:
            return
        self._is_prepared = True
        for name in ('jobs', 'work', 'tmp'):
            os.makedirs(os.path.join(self.directory, name), 0o700, exist_ok=True)
        self.reserve.make()
        self.engine.warm()

    # What the socket asks

    def claim(self, claimed):
        """Accepts an owner, or refuses it; the answer says what it finds."""
        owner = claimed.get('owner')
        epoch = claimed.get('epoch')
        if not isinstance(owner, str) or not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
            raise wire.ProtocolError('badClaim', 'A claim has an owner (text) and an epoch (whole number).')
        task = self.task
        if task is not None:
            self._fence(task, epoch)
        return {
            'engineId': self.engine_id,
            'engineType': self.engine_type,
            'user': self.configuration['user'],
            'creator': self.configuration['creator'],
            'pid': os.getpid(),
            'task': None if task is None else {
                'taskID': task.task_id, 'attempt': task.attempt, 'epoch': task.epoch,
                'hasEnded': task.ended, 'spoolSize': task.spool.size,
            },
        }

    def _fence(self, task, epoch):
        if epoch < task.epoch:
            raise wire.ProtocolError(
                'staleEpoch',
                'Task %d belongs to epoch %d; epoch %d is stale.' % (task.task_id, task.epoch, epoch),
            )
        if epoch > task.epoch:
            try:
                task.raise_epoch(epoch)
            except OSError as error:
                raise wire.ProtocolError('noRoom', 'The new epoch could not be stored: %s.' % error)

    def request(self, connection, request):
        kind = request.get('type')
        if kind == 'execute':
            return self._execute(request)
        if kind == 'shutdown':
            grace_s = milliseconds(request, 'graceMs')
            self.loop.soon(lambda: self.leave(grace_s))
            return {}
        task = self.task
        if kind not in ('follow', 'kill', 'confirm'):
            raise wire.ProtocolError('unknownRequest', 'There is no request %r.' % (kind,))
        key = (request.get('taskID'), request.get('attempt'))
        if task is None or (task.task_id, task.attempt) != key:
            if kind == 'follow':
                raise wire.ProtocolError('noSuchTask', 'This engine has no task %s, attempt %s.' % key)
            # Killing or confirming what is gone already is done.
            if kind == 'confirm' and isinstance(key[0], int) and isinstance(key[1], int):
                self.trash.put(self.places.path(*key))
            return {}
        if kind == 'follow':
            offset = request.get('from')
            acknowledged = request.get('acknowledged', offset)
            if not whole(offset) or not whole(acknowledged) or not acknowledged <= offset <= task.spool.size:
                raise wire.ProtocolError(
                    'badOffset', 'The spool has %d bytes; offset %s (acknowledged %s) is not in it.'
                    % (task.spool.size, offset, acknowledged)
                )
            self.loop.soon(lambda: connection.start_following(task, offset, acknowledged))
        elif kind == 'kill':
            task.kill(milliseconds(request, 'graceMs'), request.get('why'))
        else:
            self._confirm(task)
        return {}

    def _execute(self, spec):
        problem = spec_problem(spec)
        if problem is not None:
            raise wire.ProtocolError('badTask', problem)
        task = self.task
        if task is not None:
            if (task.task_id, task.attempt) == (spec['taskID'], spec['attempt']):
                # The answer to an earlier request was lost: it must not run twice.
                self._fence(task, spec['epoch'])
                return {}
            raise wire.ProtocolError('busy', 'The engine still has task %d.' % task.task_id)
        if self.is_leaving:
            raise wire.ProtocolError('leaving', 'The engine is ending.')
        task = Task(self, spec)
        try:
            task.create()
        except FileExistsError:
            raise wire.ProtocolError('knownTask', 'This engine has had task %d, attempt %d.' % (task.task_id, task.attempt))
        except (OSError, SpoolFullError) as error:
            raise wire.ProtocolError('noRoom', 'The task could not be stored: %s.' % error)
        self.task = task
        self.attached_changed()
        self.loop.soon(task.start)
        return {}

    def _confirm(self, task):
        if not task.ended:
            raise wire.ProtocolError('notEnded', 'Task %d has not ended; only an end can be confirmed.' % task.task_id)
        owner = self.server.owner
        if owner is not None:
            owner.stop_following(task)
        task.discard()
        self.places.retire(task.directory)
        self.task = None
        self.reserve.make()
        self.attached_changed()
        self.loop.soon(self.engine.warm)

    # What the task asks

    def has_room(self, task):
        """Whether the job may go on writing. Nobody attached: up to `unattendedBytesMax` in the spool, then it waits."""
        owner = self.server.owner
        follow = None if owner is None else owner.follow
        if follow is None or follow.task is not task:
            return task.spool.size < self.configuration['unattendedBytesMax']
        return task.spool.size - follow.acknowledged < self.configuration['windowBytes']

    def spool_grew(self, _task):
        self.server.pump()

    def task_ended(self, task):
        self.server.pump()
        self.attached_changed()
        if self.is_leaving:
            self.leave_when_quiet()

    def memory_kills(self):
        """Processes that the kernel has ended for their memory since the start of the engine."""
        return memory_kills(self.cgroup) if 'memory.max' in self.cgroup_limits else 0

    def task_environment(self, task):
        environment = self.environment()
        environment['TENON_TASK_ID'] = str(task.task_id)
        environment.update(task.spec.get('environment', {}))
        return environment

    def environment(self):
        """The allow-list the launcher gave, and what marks the processes as ours."""
        environment = dict(self._user_environment)
        environment['TENON_ENGINE_ID'] = self.engine_id
        environment[process_tree.MARK_VARIABLE] = self.mark
        temporary = os.path.join(self.directory, 'tmp')
        # Longer, and the sockets that programs put there would not fit into a socket address.
        if len(temporary) <= 60:
            environment['TMPDIR'] = temporary
        return environment

    # Coming and going

    def attached_changed(self):
        """Without an owner an idle engine leaves soon, a busy one has its time (decision 43)."""
        if self._orphan_timer is not None:
            self._orphan_timer.cancel()
            self._orphan_timer = None
        if self.task is not None:
            self.task.pace()
        if self.server.owner is not None:
            self._was_attached = True
            self.loop.soon(self._prepare)
            return
        if self.is_leaving:
            return
        if self.task is not None and not self.task.ended:
            wait_ms = self.configuration['orphanBusyMs']
            self._orphan_timer = self.loop.after(wait_ms / 1000, lambda: self._abandon(wait_ms))
        else:
            wait_ms = self.configuration['orphanIdleMs']
            if not self._was_attached:
                # Whoever launched us is on its way.
                wait_ms = max(wait_ms, _FIRST_OWNER_MS)
            self._orphan_timer = self.loop.after(wait_ms / 1000, lambda: self.leave(0))

    def _abandon(self, wait_ms):
        self._orphan_timer = None
        self.is_leaving = True
        self.task.end(
            'timedOut',
            failure(TIMED_OUT, 'No node has owned the job for %d ms, so its engine ended it.' % wait_ms),
            self.kill_grace_s,
        )

    def leave(self, grace_s):
        """Ends the engine: its job first, whose end stays in the spool."""
        self.is_leaving = True
        if self._orphan_timer is not None:
            self._orphan_timer.cancel()
        task = self.task
        if task is not None and not task.ended:
            task.kill(grace_s, 'killed')
            return
        self.leave_when_quiet()

    def leave_when_quiet(self):
        if self._left:
            return
        if self.task is not None and not self.task.ended:
            return
        if self.server.owner is not None and self.server.owner.has_more:
            # The owner is still reading the end; it can read the file as well, so this is only a courtesy.
            if self._leave_by is None:
                self._leave_by = self.now() + _LEAVE_S
            if self.now() < self._leave_by:
                self.loop.after(0.05, self.leave_when_quiet)
                return
        self._left = True
        process_tree.Ending(self.loop, self.family_with_engine, 0, lambda survivors: self._close())

    def give_up(self, why):
        """Leaves without an end in the spool, since there is no way to write one."""
        self.write_log(why)
        self._left = True
        self._close()

    def _close(self):
        self.trash.empty()
        self.server.close()
        if self.server.is_quiet:
            self.loop.stop()
        else:
            self.loop.after(_LEAVE_S, self.loop.stop)
            self._stop_when_quiet()

    def _stop_when_quiet(self):
        if self.server.is_quiet:
            self.loop.stop()
        else:
            self.loop.after(0.005, self._stop_when_quiet)

    # Odds and ends

    def _crashed(self, error):
        import traceback
        self.write_log(''.join(traceback.format_exception(type(error), error, error.__traceback__)))
        if self.task is not None and not self.task.ended:
            self.task.engine_failed(error)

    def write_log(self, text):
        """Standard error is host.log; bounded, since nobody rotates it."""
        if self._log_bytes < _LOG_BYTES_MAX:
            self._log_bytes += len(text)
            sys.stderr.write(text)
            sys.stderr.flush()


def make_engine(host):
    if host.engine_type == 'shell':
        from shell_engine import ShellEngine
        return ShellEngine(host)
    from python_engine import PythonEngine
    return PythonEngine(host)


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def milliseconds(request, name):
    value = request.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
        raise wire.ProtocolError('badRequest', '%s must be a number of milliseconds.' % name)
    return value / 1000


def serve(configuration, announce):
    """From the configuration to the end of the engine. `announce(host)` says on descriptor 3 that it listens."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.closerange(4, 4096)
    cgroup, limited = take_place(configuration)
    host = Host(configuration, cgroup, limited)
    announce(host)
    os.close(3)
    host.attached_changed()
    host.loop.run()


def announce_when_complete(host):
    """For whoever looks into the directory then."""
    host.introduce(host.listen())
    os.write(3, b'ready\n')


def main():
    serve(json.loads(sys.stdin.buffer.readline()), announce_when_complete)


if __name__ == '__main__':
    main()
