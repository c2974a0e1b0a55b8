"""A limit on how long a piece of somebody's code may run."""

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cdm_tutor.course.outcomes import StillRunning


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise StillRunning in the main thread when the block has run for so long; 0 for no limit.

    Python code is stopped wherever it is; a single call into C only once it returns.
    """
    if not seconds:
        yield
    elif hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            yield
    else:
        with _watchdog(seconds):
            yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise StillRunning

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and again each second, should a bare except swallow the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """Where there is no alarm, as on Windows: another thread raises the error in this one."""
    this = ctypes.c_ulong(threading.get_ident())
    timer = threading.Timer(seconds, ctypes.pythonapi.PyThreadState_SetAsyncExc, (this, ctypes.py_object(StillRunning)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
