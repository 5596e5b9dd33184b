"""Result sets of one job, in Linkis' format; a file has its name only when it is whole."""

import datetime

from dolphin import NULL, TABLE, DolphinWriter, result_path, table_payload
from python_results import Results


class ResultSets:
    """Numbered in the order in which they are finished."""

    def __init__(self, directory):
        self._directory = directory
        self._results = Results(directory, None)

    @property
    def count(self):
        return self._results.count

    def text(self, text):
        self._results.text(text)

    def html(self, html):
        self._results.html(html)

    def table(self, rows, columns=None):
        self._results.table(rows, columns)

    def open_table(self, columns):
        return TableWriter(self._directory, self._results, columns)


class TableWriter:
    """Holds one piece of the file in memory, however many rows there are. One at a time."""

    def __init__(self, directory, results, columns):
        pairs = [(column, 'string') if isinstance(column, str) else column for column in columns]
        header = []
        for name, kind in pairs:
            header += [str(name).encode('utf-8', 'replace'), kind.encode(), NULL]
        self._results = results
        self._width = len(pairs)
        self._writer = DolphinWriter(result_path(directory, results.count), TABLE, table_payload(header))

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _trace):
        if kind is None:
            self.close()
        else:
            self._writer.discard()

    def add(self, *values):
        if len(values) != self._width:
            raise ValueError('a row of %d values for %d columns' % (len(values), self._width))
        self._writer.add(table_payload([NULL if value is None else cell(value) for value in values]))

    def close(self):
        self._writer.close()
        self._results.count += 1


def cell(value):
    """As Linkis writes it."""
    if isinstance(value, bool):
        return b'true' if value else b'false'
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex().encode()
    if isinstance(value, datetime.datetime):
        value = value.isoformat(' ')
    return str(value).encode('utf-8', 'replace')
