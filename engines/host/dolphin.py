"""
Writes Linkis' result set format: `dolphin`, the type in ten digits, then records of length (ten digits) and payload. The
first record is the metadata. Lengths count bytes. Rules: Linkis' Dolphin.scala and its result set writers.
"""

import os

TEXT = 1
TABLE = 2
PICTURE = 4
HTML = 5

# Linkis' writers and readers refuse longer records (wds.linkis.resultset.row.max.str).
RECORD_BYTES_MAX = 2 * 1024 * 1024
NULL = b'LINKIS_NULL'
_FLUSH_BYTES = 256 * 1024
# The prefix of every short record, so that a million lines cost no formatting.
_LENGTHS = [b'%010d' % length for length in range(4096)]


class RecordTooLongError(ValueError):
    """One record of a result set is longer than Linkis' readers accept."""


class DolphinWriter:
    """One result set file. It gets its final name only by `close`, so a half-written one is never taken for a result."""

    def __init__(self, path, kind, metadata):
        self._path = path
        self._fd = os.open(path + '.part', os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._pending = [b'dolphin%010d' % kind]
        self._pending_bytes = 0
        self.add(metadata)

    def add(self, payload):
        if len(payload) > RECORD_BYTES_MAX:
            raise RecordTooLongError(
                'A record of a result set has %d bytes; the limit is %d.' % (len(payload), RECORD_BYTES_MAX)
            )
        self._pending.append(b'%010d' % len(payload))
        self._pending.append(payload)
        self._pending_bytes += len(payload)
        if self._pending_bytes > _FLUSH_BYTES:
            self.flush()

    def add_lines(self, lines):
        """One record per line; `lines` is whole lines. All in C, since a job may print millions."""
        records = lines.split(b'\n')
        del records[-1]
        try:
            lengths = map(_LENGTHS.__getitem__, map(len, records))
            self._pending.append(b''.join([part for pair in zip(lengths, records) for part in pair]))
        except IndexError:
            self._pending.append(b''.join([part for record in records for part in (b'%010d' % len(record), record)]))
        self._pending_bytes += len(lines)
        if self._pending_bytes > _FLUSH_BYTES:
            self.flush()

    def flush(self):
        data = b''.join(self._pending)
        self._pending = []
        self._pending_bytes = 0
        while data:
            data = data[os.write(self._fd, data):]

    def close(self):
        self.flush()
        os.close(self._fd)
        self._fd = -1
        os.rename(self._path + '.part', self._path)

    def discard(self):
        self._pending = []
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        try:
            os.unlink(self._path + '.part')
        except OSError:
            pass


def table_payload(values):
    """`values` are bytes; the index names the length of each, every entry followed by a comma."""
    index = b''.join([b'%d,' % len(value) for value in values])
    return b'%010d' % len(index) + index + b''.join(values)


def result_path(directory, number):
    return os.path.join(directory, '_%d.dolphin' % number)
