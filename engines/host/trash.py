"""Removes job directories: by a rename at once, so that half of one is never taken for a whole; the rest when there is time."""

import os
import shutil

_DELAY_S = 0.05


class Trash:
    """`put` answers when nobody can find the directory any more."""

    def __init__(self, loop, directory):
        self._loop = loop
        self._directory = directory
        self._waiting = []
        self._count = 0

    def put(self, path):
        # Numbered, since a task may come again under the same name before the first is removed.
        self._count += 1
        place = os.path.join(self._directory, '.trash-%d' % self._count)
        try:
            os.rename(path, place)
        except FileNotFoundError:
            return
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            return
        if not self._waiting:
            self._loop.after(_DELAY_S, self.empty)
        self._waiting.append(place)

    def empty(self):
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            shutil.rmtree(place, ignore_errors=True)
