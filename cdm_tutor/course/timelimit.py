"""A limit on how long a piece of somebody's code may run."""

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from cdm_tutor.course.outcomes import NoTime, StillRunning

WAITING = 1.5  # by the clock a piece may take so many times its limit
AT_MOST = 4.0  # and so many times where it had to wait for a processor
STARVED = 0.2  # of the time spent in that wait: from this share on the machine is to blame


class Clock:
    """Tells how long a process has been at something, and whether the machine let it.

    Args:
        seconds: of processor time that it may take.
        pid: which process; this one if not given.
        below: how many processes deep its work is done: it waits for a child, which waits for another.
    """

    def __init__(self, seconds: float, pid: int | None = None, below: int = 0) -> None:
        self.seconds, self.pid, self.below = seconds, pid or "self", below
        self.start, self.waited = time.monotonic(), self._waited()

    def starved(self) -> bool:
        """Whether it could have run for much of the time, and got no processor."""
        return self._waited() - self.waited > STARVED * (time.monotonic() - self.start)

    def up(self, more: float = 0.0) -> bool:
        """Whether the time by the clock is up: later where the machine is to blame."""
        limit = self.seconds * (AT_MOST if self.starved() else WAITING)
        return time.monotonic() - self.start >= limit + more

    def _waited(self) -> float:
        """Seconds that it waited for a processor; 0 where the system does not tell."""
        waited, pid = 0.0, str(self.pid)
        with suppress(OSError, ValueError, IndexError):
            for _ in range(self.below + 1):
                waited += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
                pid = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0] if self.below else ""
        return waited


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise StillRunning in the main thread when the block has computed for so long; 0 for no limit.

    The limit is on processor time, so that a busy machine makes no right code wrong. Code that waits (sleep, a lock) is
    stopped by the clock, a little later; if it was the machine that had no time, by NoTime. Limits may be nested: each
    keeps its own time. Python code is stopped wherever it is; a single call into C only once it returns.
    """
    if not seconds:
        yield
    elif hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread():
        clock, begun = Clock(seconds), time.process_time()

        def late() -> BaseException | None:
            if not clock.up():
                return None
            computed = time.process_time() - begun >= seconds  # it was told, and went on
            return NoTime(seconds) if clock.starved() and not computed else StillRunning(seconds)

        with (
            _timer(signal.ITIMER_PROF, signal.SIGPROF, seconds, lambda: StillRunning(seconds)),
            _timer(signal.ITIMER_REAL, signal.SIGALRM, WAITING * seconds, late),
        ):
            yield
    else:
        with watchdog(seconds):
            yield


@contextmanager
def _timer(clock: int, number: int, seconds: float, error: Callable[[], BaseException | None]) -> Iterator[None]:
    """Raise the error, if any, when so long has passed, and again each second, should a bare except swallow it."""

    def ring(number: int, frame: FrameType | None) -> None:
        if late := error():
            raise late

    now = time.monotonic if clock == signal.ITIMER_REAL else time.process_time
    start, handler = now(), signal.signal(number, ring)
    left, _ = signal.setitimer(clock, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(clock, 0)
        signal.signal(number, handler)
        if left:  # the limit around this one goes on
            signal.setitimer(clock, max(left - (now() - start), 0.001), 1.0)


@contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """Where there is no such timer, as on Windows: another thread raises the error in this one."""
    this = ctypes.c_ulong(threading.get_ident())
    timer = threading.Timer(seconds, ctypes.pythonapi.PyThreadState_SetAsyncExc, (this, ctypes.py_object(StillRunning)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
