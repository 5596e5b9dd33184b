"""
From a byte stream to whole lines. Bytes stay as they are, but for three things a reader must be able to rely on: a line
ends in a line feed, is valid UTF-8 (what is not becomes U+FFFD), and is not longer than `line_bytes_max`.

Works on chunks, never on single lines, as long as no line is too long.
"""

# A long line may come byte by byte; an object for each would cost more than the line.
_PARTS_MAX = 256


def repair(chunk):
    """Valid UTF-8 as it is; otherwise with U+FFFD for each part that is not. Never call it with half a character."""
    if chunk.isascii():
        return chunk
    try:
        chunk.decode('utf-8')
        return chunk
    except UnicodeDecodeError:
        return chunk.decode('utf-8', 'replace').encode('utf-8')


def character_border(text, position):
    """The last border between characters at or before `position` in valid UTF-8."""
    while position > 0 and position < len(text) and text[position] & 0xC0 == 0x80:
        position -= 1
    return position


def unfinished_bytes(chunk):
    """How many bytes at the end may be the beginning of a character whose rest has not come yet."""
    for back in range(1, min(4, len(chunk)) + 1):
        byte = chunk[-back]
        if byte & 0xC0 == 0x80:
            continue
        needed = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if needed > back else 0
    return 0


class LineGatherer:
    """`on_lines(bytes)` gets whole lines, at most a few MB at a time; `on_long_line()` once before a broken line."""

    def __init__(self, line_bytes_max, on_lines, on_long_line):
        self._line_bytes_max = line_bytes_max
        self._on_lines = on_lines
        self._on_long_line = on_long_line
        self._parts = []
        self._parts_bytes = 0
        self._in_long_line = False

    def push(self, chunk):
        cut = chunk.rfind(b'\n') + 1
        if cut == 0:
            self._keep(chunk)
            return
        if self._parts:
            self._parts.append(chunk[:cut])
            lines = b''.join(self._parts)
            self._parts = []
            self._parts_bytes = 0
        else:
            lines = chunk if cut == len(chunk) else chunk[:cut]
        lines = repair(lines)
        if len(lines) > self._line_bytes_max:
            self._emit_broken(lines)
        else:
            self._on_lines(lines)
        self._in_long_line = False
        if cut < len(chunk):
            self._keep(chunk[cut:])

    def finish(self):
        """The stream has ended: an unfinished line gets its line feed."""
        if self._parts_bytes:
            self.push(b'\n')

    def _keep(self, chunk):
        self._parts.append(chunk)
        self._parts_bytes += len(chunk)
        # One character more, so that an unfinished one at the end does not leave a piece short.
        if self._parts_bytes < self._line_bytes_max + 4:
            if len(self._parts) > _PARTS_MAX:
                self._parts = [b''.join(self._parts)]
            return
        raw = b''.join(self._parts)
        held = unfinished_bytes(raw)
        rest = self._break(repair(raw[:len(raw) - held]))
        self._parts = [rest, raw[len(raw) - held:]]
        self._parts_bytes = len(rest) + held

    def _emit_broken(self, lines):
        """Some line in here may be too long; everything before and after it still travels in one piece."""
        start = 0
        while start < len(lines):
            end = lines.rfind(b'\n', start, start + self._line_bytes_max + 1) + 1
            if end > start:
                self._on_lines(lines[start:end])
                start = end
                self._in_long_line = False
                continue
            end = lines.index(b'\n', start) + 1
            self._on_lines(self._break(lines[start:end - 1]) + b'\n')
            start = end
            self._in_long_line = False

    def _break(self, text):
        """Emits pieces of the longest allowed size; returns what is left, which is not too long."""
        position = 0
        while len(text) - position > self._line_bytes_max:
            if not self._in_long_line:
                self._in_long_line = True
                self._on_long_line()
            border = character_border(text, position + self._line_bytes_max)
            self._on_lines(text[position:border] + b'\n')
            position = border
        return text[position:]
