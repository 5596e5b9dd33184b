"""The names a python job finds: `show`, `showDF`, `showHTML`, `show_table`, `progress`, and the module `tenon`."""

import sys
import types

from log_line import log_line
from python_results import display


class Show:
    """`show(value)`; the methods are those of Linkis' PythonContext."""

    def __init__(self, names):
        self._names = names

    def __call__(self, value, **options):
        if getattr(value, '__name__', None) == 'matplotlib.pyplot':
            self.show_matplotlib(value, **options)
        else:
            display(value, self._names.results)

    def show(self, value, **options):
        self(value, **options)

    def show_dataframe(self, frame, **_options):
        self._names.results.table_of(frame)

    def show_matplotlib(self, plot=None, fmt='png', width='auto', height='auto', **_options):
        """The current figure as html, as Linkis shows it."""
        import base64
        import io
        if plot is None:
            import matplotlib.pyplot as plot
        if fmt not in ('png', 'svg'):
            raise ValueError("fmt must be 'png' or 'svg'")
        image = io.BytesIO()
        plot.savefig(image, format=fmt)
        if fmt == 'svg':
            body = image.getvalue().decode('utf-8')
        else:
            body = "<img src=data:image/png;base64,%s style='width=%s;height:%s'>" % (
                base64.b64encode(image.getvalue()).decode(), width, height,
            )
        self._names.results.html("<div style='width:%s;height:%s'>%s</div>" % (width, height, body))


class Names:
    """Binds the names to the task that runs now."""

    def __init__(self, channel, output):
        self._channel = channel
        self._output = output
        self.results = None
        self.parameters = {}

    def begin(self, request, results):
        self.results = results
        self.parameters = request['parameters']

    def progress(self, done, total=None):
        """`progress(0.4)`, `progress(0.4, "reading")` or `progress(3, 10)`: three of ten parts are done."""
        if self.results is None:
            return
        if total is None or isinstance(total, str):
            fraction = float(done)
            info = []
        else:
            fraction = float(done) / float(total) if total else 1.0
            info = [{'id': 'job', 'totalTasks': int(total), 'runningTasks': 0 if done >= total else 1,
                     'failedTasks': 0, 'succeedTasks': int(done)}]
        if not 0.0 <= fraction <= 1.0:
            raise ValueError('progress must lie between 0 and 1, or between 0 and the total; got %r of %r' % (done, total))
        if isinstance(total, str) and total:
            # Through the log's own pipe, so that its pace holds for it too.
            self._output.out.write(log_line('INFO', total).decode('utf-8'))
        self._output.flush()
        self._channel.send({'type': 'progress', 'progress': fraction, 'info': info})


def install_names(namespace, channel, output):
    """Puts the names into the jobs' namespace and makes `import tenon` work. A job may overwrite them for itself."""
    names = Names(channel, output)
    show = Show(names)
    tenon = types.ModuleType('tenon', 'What a job can say to the engine it runs in.')
    tenon.show = show
    tenon.showDF = show.show_dataframe
    tenon.show_matplotlib = show.show_matplotlib
    tenon.showHTML = lambda html: names.results.html(str(html))
    tenon.show_table = lambda rows, columns=None: names.results.table(rows, columns)
    tenon.progress = names.progress
    tenon.parameters = lambda: dict(names.parameters)
    sys.modules['tenon'] = tenon
    for name in ('show', 'showDF', 'showHTML', 'show_table', 'show_matplotlib', 'progress'):
        namespace[name] = getattr(tenon, name)
    namespace['__show__'] = show
    # Linkis' name for a line in the log.
    namespace['printlog'] = print
    namespace['tenon'] = tenon
    return names
