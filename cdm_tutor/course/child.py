"""A process of its own for somebody else's code, which may end it, crash, hang, or print without end.

A child is a fork of this process, so nothing is imported again. It is asked over one pipe and answers over another.
Answers are read as data that cannot run code.
"""

import contextlib
import faulthandler
import io
import math
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any, NoReturn

import torch

from cdm_tutor.course.enclosure import Enclosure
from cdm_tutor.course.timelimit import Clock

KEPT = 20_000  # characters of what a child prints that are kept, of the beginning and of the end
GRACE = 3.0  # seconds more for code that cannot be interrupted, before its process is ended
MEMORY = 2 << 30  # bytes that a child may take beyond what it begins with
LARGEST = 1 << 28  # bytes of an answer; none that is honest comes near
LOOK = 0.5  # seconds between two looks at the clock
CAN_FORK = hasattr(os, "fork")

ending: set[int] = set()  # processes that were told to end, and have not yet

Serve = Callable[[Any], Any]


@dataclass(frozen=True)
class NoAnswer:
    """The child did not answer: how it ended, in words."""

    how: str


class Child:
    """A process that answers what it is asked until it is closed, or dies.

    Args:
        make: makes, in the child, what gives the answer to a question. Questions are anything that can be pickled,
            answers are made of numbers, strings, tensors, lists and dicts.
        loud: leave standard output and error as they are.
        enclosure: where it lives, if not free as any other process.
    """

    def __init__(self, make: Callable[[], Serve], *, loud: bool = False, enclosure: Enclosure | None = None) -> None:
        self._printed, self._more = bytearray(), 0
        self._below = enclosure.depth if enclosure else 0
        questions, answers, output = os.pipe(), os.pipe(), os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():  # Python 3.12 and later warn where there are threads: ours only wait
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            os.close(questions[1])
            os.close(answers[0])
            _live(make, questions[0], answers[1], None if loud else output[1], enclosure)
        for ours in (questions[0], answers[1], output[1]):
            os.close(ours)
        self._questions, self._answers, self._output = questions[1], answers[0], output[0]
        self.dead: NoAnswer | None = None

    def ask(self, question: object, seconds: float, stop: Event | None = None) -> Any:
        """The answer; or NoAnswer if none came in that time and a little more, and then the child is dead.

        Args:
            question: what to ask.
            seconds: processor time that the answer may take; 0 for no limit.
            stop: is set when the answer is not wanted any more.
        """
        if self.dead:
            return self.dead
        data = pickle.dumps(question)
        with contextlib.suppress(BrokenPipeError):
            os.write(self._questions, len(data).to_bytes(8, "big") + data)
        answer = self._read(Clock(seconds or math.inf, self._pid, self._below), stop or Event())
        if not isinstance(answer, bytes):
            self.dead = answer
            self.close()
            return answer
        try:
            return torch.load(io.BytesIO(answer), weights_only=True)
        except Exception:
            self.dead = NoAnswer("wrote into the pipes of the process that checks it")
            self.close()
            return self.dead

    def _read(self, clock: Clock, stop: Event) -> bytes | NoAnswer:
        """One answer as it was sent; what is printed meanwhile is taken as well."""
        answer, open_ends, looked = bytearray(), [self._answers, self._output], time.monotonic()
        while True:
            size = int.from_bytes(answer[:8], "big") if len(answer) >= 8 else 0
            if size > LARGEST:
                return NoAnswer("wrote into the pipes of the process that checks it")
            if len(answer) >= 8 + size:
                self._drain()
                return bytes(answer[8:])
            ready, _, _ = select.select(open_ends, [], [], LOOK)
            if time.monotonic() >= looked + LOOK:  # also while it prints without end
                looked = time.monotonic()
                if stop.is_set():
                    return NoAnswer("was stopped")
                if clock.up(GRACE):
                    return NoAnswer("did not come back: an endless wait inside a library?")
            for end in ready:
                if data := os.read(end, 1 << 16):
                    answer += data if end == self._answers else self._keep(data)
                elif end == self._answers:
                    self._drain()
                    return NoAnswer(self._last_words())
                else:
                    open_ends.remove(end)

    def _keep(self, printed: bytes) -> bytes:
        """Keep what was printed, its beginning and its end; nothing of it is an answer."""
        self._printed += printed
        if len(self._printed) > 2 * KEPT:
            self._more += len(self._printed) - 2 * KEPT
            del self._printed[KEPT:-KEPT]
        return b""

    def _drain(self) -> None:
        for _ in range(64):  # more than a pipe holds: what goes on printing is not waited for
            if not select.select([self._output], [], [], 0)[0] or not (data := os.read(self._output, 1 << 16)):
                return
            self._keep(data)

    def printed(self) -> str:
        """What was printed since we asked last, shortened in the middle."""
        first, last = (part.decode(errors="replace") for part in (self._printed[:KEPT], self._printed[KEPT:]))
        cut = f"\n... {self._more:,} characters more ...\n" if self._more else ""
        self._printed, self._more = bytearray(), 0
        return first + cut + last

    def _last_words(self) -> str:
        """How a child ended that stopped answering."""
        for _ in range(200):  # it may take a moment
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.01)
        else:
            return "closed the pipes of the process that checks it"
        self._pid = 0
        if os.WIFEXITED(status):
            return f"ended Python, with exit code {os.WEXITSTATUS(status)}: os._exit?"
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return "was killed (SIGKILL): out of memory, or os.kill?"
        return f"crashed inside a library ({signal.Signals(number).name})"

    def close(self) -> None:
        """End the child, and whatever it started."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            ending.add(self._pid)
            self._pid = 0
        for pid in list(ending):  # to let go of a large memory takes a while, which we need not wait for
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    continue
            ending.discard(pid)
        self.dead = self.dead or NoAnswer("is closed")
        for end in (self._questions, self._answers, self._output):
            with contextlib.suppress(OSError):
                os.close(end)
        self._questions = self._answers = self._output = -1


def start(make: Callable[[], Serve], apart: bool, *, loud: bool = False, enclosure: Enclosure | None = None) -> Child:
    """A process that answers; or this one, as it must be on Windows, which has no forks."""
    return Child(make, loud=loud, enclosure=enclosure) if apart else Here(make)


class Here(Child):
    """Stands in for a child: the code runs in this process, and can end it."""

    def __init__(self, make: Callable[[], Serve]) -> None:
        self.serve, self.dead = make(), None

    def ask(self, question: object, seconds: float, stop: Event | None = None) -> Any:
        """The answer; it is waited for."""
        return self.serve(question)

    def printed(self) -> str:
        """Nothing: pytest itself has what is printed."""
        return ""

    def close(self) -> None:
        """There is nothing to end."""


def _live(
    make: Callable[[], Serve], questions: int, answers: int, output: int | None, enclosure: Enclosure | None
) -> NoReturn:
    """The child's life: question, answer, question ..., until the parent hangs up."""
    try:
        with contextlib.suppress(OSError):
            os.setsid()  # Ctrl-C is the parent's, and one signal ends all that we start
        _close_others(questions, answers, output)
        _limit_memory()
        if enclosure:
            enclosure.enter()
        if output is not None:
            _print_to(output)
        serve = make()
        with os.fdopen(questions, "rb") as asked:
            while size := asked.read(8):
                answer = io.BytesIO()
                torch.save(serve(pickle.loads(asked.read(int.from_bytes(size, "big")))), answer)
                sys.stdout.flush()
                data = answer.getvalue()
                left = memoryview(len(data).to_bytes(8, "big") + data)
                while left:
                    left = left[os.write(answers, left) :]
    finally:
        os._exit(0)  # never back into the parent's code


def _close_others(*ours: int | None) -> None:
    """Let go of what the parent has open: files, and the pipes to other children."""
    first = 3
    for end in sorted(end for end in ours if end is not None):
        os.closerange(first, end)
        first = end + 1
    os.closerange(first, 1 << 16)


def _print_to(output: int) -> None:
    """Send what is printed, by Python or below it, into a pipe; where a crash happens is printed, too."""
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    faulthandler.enable(file=2)


def _limit_memory() -> None:
    """Let a body that takes memory without end run into an error, not the machine into the ground."""
    try:
        import resource

        pages = int(open("/proc/self/statm").read().split()[5])  # noqa: SIM115, PTH123
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ImportError, OSError, ValueError):  # not on every system
        pass
