"""One thread, one selector, timers and children: all the host does happens here, so nothing needs a lock."""

import heapq
import itertools
import os
import select
import signal
import time

READ = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP
WRITE = select.EPOLLOUT


class Timer:
    """A call that is due at `due` on the monotonic clock; `cancel` may be called at any time."""

    __slots__ = ('due', 'action')

    def __init__(self, due, action):
        self.due = due
        self.action = action

    def cancel(self):
        self.action = None


class EventLoop:
    """Readers, writers, timers and exits of children. `run` returns after `stop`."""

    def __init__(self, on_crash):
        self._epoll = select.epoll()
        self._interests = {}
        self._timers = []
        self._order = itertools.count()
        self._soon = []
        self._exits = {}
        self._on_crash = on_crash
        self._running = True
        self._on_signal = {}
        self._on_idle_child = None
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        self.watch(wake_read, reader=lambda: self._signals(wake_read))

    def watch(self, fd, reader=None, writer=None):
        """Sets both interests of a descriptor; without any it is forgotten."""
        known = fd in self._interests
        if reader is None and writer is None:
            if known:
                del self._interests[fd]
                self._epoll.unregister(fd)
            return
        events = (READ if reader else 0) | (WRITE if writer else 0)
        if not known:
            self._epoll.register(fd, events)
        elif events != self._events_of(fd):
            self._epoll.modify(fd, events)
        self._interests[fd] = (reader, writer)

    def _events_of(self, fd):
        reader, writer = self._interests[fd]
        return (READ if reader else 0) | (WRITE if writer else 0)

    def after(self, seconds, action):
        timer = Timer(time.monotonic() + seconds, action)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        return timer

    def soon(self, action):
        self._soon.append(action)

    def on_exit(self, pid, action):
        """`action(status)` once the child is reaped; register before returning to the loop."""
        self._exits[pid] = action

    def on_signal(self, number, action):
        self._on_signal[number] = action
        signal.signal(number, _nothing)

    def stop(self):
        self._running = False

    def run(self):
        while self._running:
            self._turn()

    def _turn(self):
        for action in self._take_soon():
            self._call(action)
        for fd, events in self._poll():
            interest = self._interests.get(fd)
            if interest is None:
                continue
            reader, writer = interest
            if writer and events & (WRITE | select.EPOLLHUP | select.EPOLLERR):
                self._call(writer)
                # The writer may have closed the descriptor, or changed what it waits for.
                interest = self._interests.get(fd)
                if interest is None:
                    continue
                reader = interest[0]
            if reader and events & READ:
                self._call(reader)
        self._run_timers()

    def _poll(self):
        timeout = -1.0
        if self._soon:
            timeout = 0.0
        elif self._timers:
            timeout = max(0.0, self._timers[0][0] - time.monotonic())
        try:
            return self._epoll.poll(timeout)
        except InterruptedError:
            return []

    def _take_soon(self):
        actions, self._soon = self._soon, []
        return actions

    def _run_timers(self):
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.action is not None:
                action, timer.action = timer.action, None
                self._call(action)

    def _call(self, action):
        try:
            action()
        except Exception as error:  # One broken connection or task must not take the host down.
            self._on_crash(error)

    def _signals(self, wake_read):
        try:
            numbers = set(os.read(wake_read, 4096))
        except BlockingIOError:
            return
        if signal.SIGCHLD in numbers:
            self.reap()
        for number in numbers:
            action = self._on_signal.get(number)
            if action is not None:
                self._call(action)

    def reap(self):
        """Takes every dead child, adopted ones too. False when there is no child left at all, dead or alive."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            action = self._exits.pop(pid, None)
            if action is not None:
                self.soon(lambda action=action, status=status: action(status))


def _nothing(_number, _frame):
    """A handler must exist for the wake-up descriptor to be written."""
