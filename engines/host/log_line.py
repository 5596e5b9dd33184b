"""Lines the engine itself adds to a job's log, in Linkis' format, so that readers can sort them by level."""

import time


def log_line(level, text):
    """`yyyy-MM-dd HH:mm:ss.mmm LEVEL text` and a line feed; line breaks inside become blanks. Bytes."""
    now = time.time()
    stamp = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))
    flat = ' '.join(text.split('\n'))
    return ('%s.%03d %s %s\n' % (stamp, int(now * 1000) % 1000, level, flat)).encode('utf-8', 'replace')
