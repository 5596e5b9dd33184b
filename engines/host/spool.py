"""
The spool of one task: everything the task produced, in order, in one file that is only ever appended to.

It is the truth (decisions 37 and 39): what is sent over the socket are ranges of this file, so a reader that lost the
socket goes on in the file at the same offset. A record is length, checksum, type and payload, so that a reader knows
where a crash cut it. Not synced: it survives the death of any process, and a power loss ends the task as well.
"""

import json
import os
import struct
import zlib

OPENED = 1
LOG = 2
PROGRESS = 3
ENDED = 4

_HEADER = struct.Struct('>IIB')
HEADER_BYTES = _HEADER.size
VERSION = 1


def checksum(kind, payload):
    """CRC-32 of the type byte and the payload after it."""
    return zlib.crc32(payload, zlib.crc32(bytes((kind,))))


class SpoolFullError(Exception):
    """The file system took no more; what was written before is whole."""


class Spool:
    """Appends records. `size` is the offset after the last whole record."""

    def __init__(self, path):
        self.path = path
        self.size = 0
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def cut(self):
        """Drops what an earlier spool left in the file."""
        os.ftruncate(self._fd, self.size)

    def append(self, kind, payload):
        header = _HEADER.pack(len(payload), checksum(kind, payload), kind)
        length = len(header) + len(payload)
        try:
            written = os.pwritev(self._fd, (header, payload), self.size)
            if written < length:
                # What is missing would not fit either; the second write says why.
                rest = (header + payload)[written:]
                while rest:
                    count = os.pwrite(self._fd, rest, self.size + written)
                    written += count
                    rest = rest[count:]
        except OSError as error:
            os.ftruncate(self._fd, self.size)
            raise SpoolFullError('%s: %s' % (self.path, error.strerror or error))
        self.size += length

    def append_json(self, kind, value):
        self.append(kind, json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode('utf-8', 'replace'))

    def read(self, offset, length):
        return os.pread(self._fd, length, offset)

    def end_of_record(self, offset):
        """Where the record that begins at `offset` ends; `offset` itself when none does."""
        header = self.read(offset, HEADER_BYTES)
        return offset + HEADER_BYTES + _HEADER.unpack(header)[0] if len(header) == HEADER_BYTES else offset

    def close(self):
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
