"""Values of a job as result sets. Nothing beyond the standard library is imported; DataFrames are known by their shape."""

import datetime
import decimal
import math

from dolphin import HTML, NULL, RECORD_BYTES_MAX, TABLE, TEXT, DolphinWriter, result_path, table_payload

# Nobody looks at more, and each is a file that has to be moved, listed and kept.
_RESULTS_MAX = 10000
# Linkis' type names, as its readers parse them back.
_TYPES = (
    (bool, 'boolean'),
    (int, 'bigint'),
    (float, 'double'),
    (str, 'string'),
    (decimal.Decimal, 'decimal'),
    (datetime.datetime, 'timestamp'),
    (datetime.date, 'date'),
    (bytes, 'binary'),
    (dict, 'map'),
    ((list, tuple, set), 'array'),
)
_FRAME_TYPES = (
    ('bool', 'boolean'), ('int8', 'tinyint'), ('int16', 'short'), ('int32', 'int'), ('int', 'bigint'),
    ('uint', 'bigint'), ('float32', 'float'), ('float', 'double'), ('datetime', 'timestamp'), ('timedelta', 'string'),
)


class Results:
    """The result sets of one task, numbered in order."""

    def __init__(self, directory, channel):
        self._directory = directory
        self._channel = channel
        self.count = 0

    def text(self, text):
        self._write(TEXT, b'NULL', _text_records(text))

    def html(self, html):
        self._write(HTML, b'NULL', [_encoded(html)])

    def show_printed(self, lines):
        """As Linkis does: a job that shows nothing has what it printed, up to ten lines, as its result."""
        if self.count == 0 and lines:
            self._write(TEXT, b'NULL', [line.decode('utf-8', 'replace').encode() for line in lines])

    def table(self, rows, columns=None):
        """`rows`: lists, tuples or dicts; `columns`: names, needed unless the rows are dicts."""
        rows = list(rows)
        if rows and isinstance(rows[0], dict):
            names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
            rows = [[row.get(name) for name in names] for row in rows]
        else:
            if columns is None:
                raise TypeError('show_table needs the names of the columns, unless the rows are dicts')
            names = list(columns)
            rows = [list(row) for row in rows]
        for number, row in enumerate(rows):
            if len(row) != len(names):
                raise ValueError('row %d has %d values for %d columns' % (number, len(row), len(names)))
        types = [_type_of_column(row[at] for row in rows) for at in range(len(names))]
        self._write_table(names, types, rows)

    def table_of(self, frame):
        """A pandas or polars DataFrame, or whatever `table` takes."""
        if not _is_frame(frame):
            self.table(frame)
            return
        if hasattr(frame, 'itertuples'):
            frame = _with_named_index(frame)
            types = [_frame_type(str(frame.dtypes.iloc[at]), frame.iloc[:, at]) for at in range(len(frame.columns))]
            self._write_table(frame.columns, types, frame.itertuples(index=False, name=None), _missing)
        else:
            rows = list(frame.iter_rows())
            types = [_type_of_column(row[at] for row in rows) for at in range(len(frame.columns))]
            self._write_table(frame.columns, types, rows)

    def _write_table(self, names, types, rows, is_missing=lambda value: value is None):
        header = []
        for name, kind in zip(names, types):
            header += [_encoded(str(name)), kind.encode(), NULL]
        self._write(TABLE, table_payload(header), (
            table_payload([NULL if is_missing(value) else _cell(value) for value in row]) for row in rows
        ))

    def _write(self, kind, metadata, records):
        if self.count >= _RESULTS_MAX:
            raise RuntimeError('A job shows at most %d result sets; this would be one more.' % _RESULTS_MAX)
        writer = DolphinWriter(result_path(self._directory, self.count), kind, metadata)
        try:
            for record in records:
                writer.add(record)
            writer.close()
        except BaseException:
            writer.discard()
            raise
        self.count += 1


def display(value, results):
    """What the value of a last expression, or `show`, looks like."""
    if _is_frame(value):
        results.table_of(value)
    elif type(value).__name__ == 'Series' and hasattr(value, 'to_frame'):
        results.table_of(value.to_frame())
    elif isinstance(value, (list, tuple)) and value and all(isinstance(row, dict) for row in value):
        results.table(value)
    elif hasattr(value, '_repr_html_') and isinstance(_html_of(value), str):
        results.html(_html_of(value))
    else:
        results.text(repr(value))


def _html_of(value):
    try:
        return value._repr_html_()
    except Exception:
        return None


def _is_frame(value):
    return type(value).__name__ == 'DataFrame' and hasattr(value, 'columns') and (
        hasattr(value, 'itertuples') or hasattr(value, 'iter_rows')
    )


def _with_named_index(frame):
    """An index that has a name is data, such as the groups of a `groupby`; a bare row number is not."""
    names = getattr(getattr(frame, 'index', None), 'names', ())
    if all(name is None for name in names):
        return frame
    try:
        return frame.reset_index()
    except ValueError:
        # A column has that name already.
        return frame


def _frame_type(dtype, column):
    lowered = dtype.lower()
    for prefix, name in _FRAME_TYPES:
        if lowered.startswith(prefix):
            return name
    if lowered in ('object', 'category'):
        return _type_of_column(value for value in column if not _missing(value))
    return 'string'


def _type_of_column(values):
    """The one type all values have; whole numbers among fractions are fractions; anything mixed is text."""
    found = set()
    for value in values:
        if value is None:
            continue
        if hasattr(value, 'item') and getattr(value, 'shape', None) == ():
            # A scalar of numpy.
            value = value.item()
        found.add(next((name for known, name in _TYPES if isinstance(value, known)), 'string'))
        if len(found) > 2:
            return 'string'
    if found == {'bigint', 'double'}:
        return 'double'
    return found.pop() if len(found) == 1 else 'string'


def _missing(value):
    """None, NaN, NaT and NA: pandas has no other way to say that there is nothing."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA refuses to be compared; an array compares to many.
        return type(value).__name__ == 'NAType'


def _cell(value):
    if isinstance(value, str):
        return _encoded(value)
    if isinstance(value, bool):
        return b'true' if value else b'false'
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex().encode()
    if isinstance(value, datetime.datetime):
        return _encoded(value.isoformat(' '))
    return _encoded(str(value))


def _encoded(text):
    return text.encode('utf-8', 'replace')


def _text_records(text):
    """One record a line; a line beyond the limit of a record is cut at character borders."""
    for line in text.split('\n'):
        record = _encoded(line)
        while len(record) > RECORD_BYTES_MAX:
            border = RECORD_BYTES_MAX
            while record[border] & 0xC0 == 0x80:
                border -= 1
            yield record[:border]
            record = record[border:]
        yield record
