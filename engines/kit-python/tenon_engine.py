"""
Engines for Tenon in Python: `serve(run)`, and `run(job)` does a job. Standard library only, Python 3.8 or later.

    from tenon_engine import serve

    def run(job):
        job.log('counting the words of ' + job.code)
        job.table([{'word': word, 'length': len(word)} for word in job.code.split()])

    serve(run)

`run` is called in a process of its own that lives from job to job, so what it keeps in global names is there for the next
job of the same user; what it prints is the log. It succeeds by returning and fails by raising. When the job is killed,
`JobKilled` is raised in it, wherever it is. See docs/engine-kit.md, and `Job` in kit_job.py.

    python3 tenon_engine.py my_engine.py …     runs an engine that can't import this module by itself
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_HOST = os.path.join(os.path.dirname(_HERE), 'host')


class JobFailed(Exception):
    """Raise it to end a job as failed with a number of your own; any other exception ends it with 50255."""

    def __init__(self, message, code=50255, retryable=False):
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class JobKilled(BaseException):
    """Raised in `run` when its job is killed. Clean up and let it pass: after the grace the process is killed."""


def serve(run):
    """Serves one engine, from its launch to its end. Call it last, with no thread running and no socket open."""
    # `tenon_engine` also where this file was started as the program.
    sys.modules.setdefault('tenon_engine', sys.modules[__name__])
    names = _ModuleNames()
    names.use_host()
    from kit_host import serve_engine
    serve_engine(run, names.use_engine)


class _ModuleNames:
    """The host's modules have names, such as `task` and `output`, that an engine's own may have too."""

    def __init__(self):
        self._hidden = {}
        self._path = list(sys.path)

    def _ours(self):
        for directory in (_HERE, _HOST):
            for name in os.listdir(directory):
                if name.endswith('.py') and name != 'tenon_engine.py':
                    yield name[:-3]

    def use_host(self):
        for name in self._ours():
            if name in sys.modules:
                self._hidden[name] = sys.modules.pop(name)
        sys.path[:0] = [_HERE, _HOST]

    def use_engine(self):
        for name in self._ours():
            sys.modules.pop(name, None)
        sys.modules.update(self._hidden)
        sys.path[:] = self._path


def _main():
    if len(sys.argv) < 2:
        sys.exit('usage: python3 tenon_engine.py ENGINE.py [ARGUMENT…]')
    import runpy
    program = os.path.abspath(sys.argv[1])
    sys.argv[:] = [program] + sys.argv[2:]
    sys.modules['tenon_engine'] = sys.modules['__main__']
    # What the engine's own directory holds, the engine finds, as if it had been started itself.
    sys.path[0] = os.path.dirname(program)
    runpy.run_path(program, run_name='__main__')


if __name__ == '__main__':
    _main()
