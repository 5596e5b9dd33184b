"""Runs each task as one `sh` script in a session of its own; stdout is the text result too."""

import os
import resource
import signal

from dolphin import TEXT, DolphinWriter, result_path
from output import output_pipe
from task_failure import SHELL_CODE_IS_WRONG, failure

WORKING_DIRECTORY = 'wds.linkis.shell.runtime.working.directory'
ARGUMENTS = 'extraArguments'
_TAIL_BYTES = 2000
# Python ignores these; a script must not inherit that.
_DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)


def spawn(argv, environment, directory, fds, file_bytes_max):
    """
    Starts a program in a session of its own; `fds` become its descriptors 0, 1, 2 …, and it gets no others.
    `posix_spawn` has no working directory of its own, so ours is lent: the host has one thread.
    """
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(fds)]
    before = os.getcwd()
    try:
        os.chdir(directory)
    except FileNotFoundError:
        # An earlier job removed it.
        os.makedirs(directory, 0o700)
        os.chdir(directory)
    try:
        pid = os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setsid=True, setsigmask=(), setsigdef=_DEFAULT_SIGNALS
        )
    finally:
        os.chdir(before)
    try:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))
    except (OSError, ValueError, AttributeError):
        pass  # The watchdog on the tree holds the limit; this one only stops a runaway sooner.
    return pid


class ShellEngine:
    """At most one task; nothing stays between tasks but the files they wrote."""

    def __init__(self, host):
        self._host = host
        self._tail = b''
        self._shell = '/bin/sh'

    def warm(self):
        pass

    def spare(self, _pids):
        return set()

    def start(self, task):
        host = self._host
        parameters = task.spec.get('runtimeParams', {})
        directory = self._directory(task, parameters.get(WORKING_DIRECTORY))
        arguments = self._arguments(task, parameters.get(ARGUMENTS))
        self._tail = b''
        out_read, out_write = output_pipe()
        error_read, error_write = output_pipe()
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            pid = spawn(
                [self._shell, os.path.join(task.directory, 'code')] + arguments,
                host.task_environment(task), directory, (null, out_write, error_write), host.file_bytes_max,
            )
        except OSError:
            os.close(out_read)
            os.close(error_read)
            raise
        finally:
            for fd in (null, out_write, error_write):
                os.close(fd)
        host.loop.on_exit(pid, lambda status: self._exited(task, status))
        task.add_output(out_read, lambda lines: self._result(task, lines))
        task.add_output(error_read, self._keep_tail)

    def finish(self, task):
        """Nothing is kept between tasks."""

    def _directory(self, task, wanted):
        if wanted in (None, ''):
            return self._host.work_directory
        if isinstance(wanted, str) and os.path.isdir(wanted) and os.access(wanted, os.R_OK | os.X_OK):
            task.note('INFO', 'Working directory of this job: %s' % wanted)
            return wanted
        task.note('WARN', 'The working directory %s does not exist or may not be entered; the engine uses its own.'
                  % (wanted,))
        return self._host.work_directory

    def _arguments(self, task, wanted):
        if wanted is None:
            return []
        if isinstance(wanted, list) and all(isinstance(value, (str, int, float)) for value in wanted):
            return [str(value).replace('\0', '') for value in wanted]
        task.note('WARN', '%s is not a list of texts; the script runs without arguments.' % ARGUMENTS)
        return []

    def _result(self, task, lines):
        if task.text_result is None:
            def create():
                task.make_results()
                task.text_result = DolphinWriter(result_path(task.results, 0), TEXT, b'NULL')
                task.result_count = 1
            task.store_result(create)
        if task.text_result is not None:
            task.store_result(lambda: task.text_result.add_lines(lines))

    def _keep_tail(self, lines):
        self._tail = (self._tail + lines[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def _exited(self, task, status):
        # What the script wrote last may still be in the pipes; the message quotes it.
        task.drain_outputs()
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            task.main_ended('succeeded')
            return
        if os.WIFSIGNALED(status):
            how = 'it was ended by signal %s' % signal_name(os.WTERMSIG(status))
        else:
            how = 'exit code %d' % os.WEXITSTATUS(status)
        message = 'run shell failed: shell code is wrong(shell代码错误), %s.' % how
        tail = self._tail.decode('utf-8', 'ignore').strip()
        if tail:
            message += ' Last lines of stderr: ' + tail
        task.main_ended('failed', failure(SHELL_CODE_IS_WRONG, message))


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
