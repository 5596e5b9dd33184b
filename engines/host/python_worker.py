"""
The interpreter that runs python jobs, one after the other, in one namespace.

Descriptor 3 is the channel to the host: one line of JSON a message. Descriptors 1 and 2 are the job's log. The names the
jobs get are in `python_names.py`; how values become result sets, in `python_results.py`.
"""

import ast
import builtins
import faulthandler
import io
import json
import linecache
import os
import sys
import traceback
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [HERE] + [path for path in sys.path if path != HERE]
# Ours go where the host's go; what jobs import is cached where Python always caches it.
sys.pycache_prefix = sys.argv[1] or None

from python_names import install_names
from python_output import install_output
from python_results import Results, display

sys.pycache_prefix = None
sys.path.remove(HERE)
# Names such as `dolphin` and `log_line` belong to the jobs.
for name, module in list(sys.modules.items()):
    if getattr(module, '__file__', None) and os.path.dirname(module.__file__) == HERE and name != '__main__':
        del sys.modules[name]


class Channel:
    """Messages to and from the host. Not inherited by what the job starts."""

    def __init__(self, fd):
        # Out of the way of code that expects low descriptors, and closed in child processes.
        import fcntl
        self._fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
        os.close(fd)
        self._owner = os.getpid()
        self._lines = io.open(self._fd, 'rb', buffering=65536, closefd=False)

    def receive(self):
        """The next request, or None when the host is gone."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def send(self, message):
        # A forked child shares the channel, but has no task of its own to speak of.
        if os.getpid() != self._owner:
            return
        data = json.dumps(message).encode('utf-8') + b'\n'
        try:
            while data:
                data = data[os.write(self._fd, data):]
        except OSError as error:
            # Without the channel nobody would ever learn of an end; a new interpreter has one.
            os.write(2, b'The code closed a descriptor of the engine (%s); the interpreter ends.\n'
                     % str(error).encode())
            os._exit(1)


class NoInput(io.TextIOBase):
    """Standard input of a job: there is nobody to type."""

    def readable(self):
        return True

    def readline(self, *_):
        raise EOFError(
            'A job has no terminal: input() and sys.stdin cannot be read. Pass values as variables or parameters.'
        )

    read = readline


def no_input(_prompt=''):
    NoInput().readline()


class Failed(Exception):
    """The job's code did not end well; the message is for people."""


def run_code(code, filename, namespace, results, output):
    """Runs the whole code; the value of a last expression is shown."""
    linecache.cache[filename] = (len(code), None, code.splitlines(True), filename)
    try:
        tree = ast.parse(code, filename)
    except (SyntaxError, ValueError) as error:
        # Where in the parser it was found is of no interest.
        raise Failed(report(error.with_traceback(None), filename))
    try:
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, filename, 'exec'), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), filename, 'eval'), namespace)
            if value is not None:
                namespace['_'] = value
                display(value, results)
    except SystemExit as end:
        exit_with(end.code, output)
    except BaseException as error:  # KeyboardInterrupt too: the job's, never ours.
        raise Failed(report(error, filename))


def exit_with(code, output):
    """`exit()` ends the job, not the engine."""
    if code is None or code == 0:
        return
    if isinstance(code, int):
        raise Failed('The code called exit(%d).' % code)
    sys.stderr.write('%s\n' % (code,))
    output.flush()
    raise Failed('The code called exit(%r).' % (code,))


def report(error, filename):
    """Prints the traceback without our own frames; returns its last line with the line number."""
    forget_our_frames(error, set())
    sys.stderr.write(''.join(traceback.format_exception(type(error), error, error.__traceback__)))
    where = ''
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
    if frames:
        where = ' (line %d)' % frames[-1].lineno
    elif isinstance(error, SyntaxError) and error.filename == filename and error.lineno:
        where = ' (line %d)' % error.lineno
    return ''.join(traceback.format_exception_only(type(error), error)[-1:]).strip() + where


def forget_our_frames(error, seen):
    """Also in the errors that led to this one."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    links = []
    link = error.__traceback__
    while link is not None:
        if not link.tb_frame.f_code.co_filename.startswith(HERE):
            links.append(link)
        link = link.tb_next
    rest = None
    for link in reversed(links):
        link.tb_next = rest
        rest = link
    error.__traceback__ = rest
    forget_our_frames(error.__cause__, seen)
    forget_our_frames(error.__context__, seen)


def run(request, namespace, channel, output, names):
    results = Results(request['results'], channel)
    names.begin(request, results)
    os.environ.update(request['environment'])
    with open(request['code'], encoding='utf-8', errors='surrogatepass') as file:
        code = file.read()
    output.begin()
    outcome = {'type': 'done', 'outcome': 'succeeded'}
    try:
        run_code(code, '<job %d>' % request['taskID'], namespace, results, output)
        results.show_printed(output.first_lines())
    except Failed as failed:
        outcome = {'type': 'done', 'outcome': 'failed', 'message': str(failed)}
    finally:
        output.end()
        for name in request['environment']:
            os.environ.pop(name, None)
    outcome['resultCount'] = results.count
    is_fit = has_descriptor()
    if not is_fit:
        os.write(2, b'The job has left no file descriptor free, so the next one gets a new interpreter.\n')
    outcome['isLast'] = not is_fit
    channel.send(outcome)
    if not is_fit:
        os._exit(0)


def has_descriptor():
    """Whether one is left to begin the next job with; what a job opens stays open, as its names do."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
        return True
    except OSError:
        return False


def die_with_parent():
    """The kernel ends us when somebody kills the host; the marker in the environment is only the second net."""
    import ctypes
    import signal
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def main():
    die_with_parent()
    # After a crash in C the log shows where in the job it was.
    faulthandler.enable()
    # There is no display; a figure is shown by `show`.
    os.environ.setdefault('MPLBACKEND', 'Agg')
    channel = Channel(3)
    output = install_output()
    sys.stdin = NoInput()
    builtins.input = no_input
    # Functions and classes of jobs belong to `__main__`, so that they can be pickled.
    module = types.ModuleType('__main__')
    module.__builtins__ = builtins
    sys.modules['__main__'] = module
    sys.argv = ['']
    sys.path.insert(0, '')
    names = install_names(module.__dict__, channel, output)
    while True:
        request = channel.receive()
        if request is None:
            # Nobody is left to run for. Threads and atexit handlers of jobs must not keep us.
            os._exit(0)
        run(request, module.__dict__, channel, output, names)


main()
