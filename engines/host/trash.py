"""Removes job directories: by a rename at once, so that half of one is never taken for a whole; the rest when there is time."""

import os

_DELAY_S = 0.05


def remove_tree(path):
    """As far as it can be removed; links are not followed. (`shutil` would cost a tenth of our start.)"""
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    remove_tree(entry.path)
                else:
                    os.unlink(entry.path)
        os.rmdir(path)
    except OSError:
        pass


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
            remove_tree(path)
            return
        if not self._waiting:
            self._loop.after(_DELAY_S, self.empty)
        self._waiting.append(place)

    def empty(self):
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            remove_tree(place)
