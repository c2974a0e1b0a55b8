"""What code behind walls can and cannot do, on systems that have them; and that it ends whatever it does."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cdm_tutor.course.child import Child, NoAnswer
from cdm_tutor.course.enclosure import FILES, NETWORK, PROCESSES, Enclosure, walls

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
needs_processes = pytest.mark.skipif(PROCESSES not in walls(), reason="this system has no such wall")


def asked(folder: Path, question: Callable[[], Any]) -> Any:
    """What a child behind all walls answers."""
    child = Child(lambda: lambda _: question(), enclosure=Enclosure(folder, walls()))
    try:
        return child.ask(None, 2)
    finally:
        child.close()


def refused(call: Callable[[], object]) -> Callable[[], str]:
    """The name of the error that a call raises."""

    def question() -> str:
        try:
            call()
        except OSError as error:
            return type(error).__name__ + f" {error.errno}"
        return "nothing"

    return question


def test_it_lives_in_its_folder(tmp_path: Path) -> None:
    assert asked(tmp_path, os.getcwd) == str(tmp_path)
    assert asked(tmp_path, lambda: Path("new").write_text("x")) == 1
    assert (tmp_path / "new").read_text() == "x"


@pytest.mark.skipif(FILES not in walls(), reason="this system has no such wall")
def test_it_can_write_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "grades").write_text("all failed")
    attack = refused(lambda: (tmp_path / "grades").write_text("all passed"))
    assert asked(tmp_path / "inside", attack).startswith("OSError")
    assert (tmp_path / "grades").read_text() == "all failed"


@pytest.mark.skipif(NETWORK not in walls(), reason="this system has no such wall")
def test_it_has_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        socket.create_connection(address, timeout=2).close()  # from here it can be reached
        assert asked(tmp_path, refused(lambda: socket.create_connection(address, timeout=1))).startswith("OSError")


@needs_processes
def test_it_sees_no_other_process(tmp_path: Path) -> None:
    assert asked(tmp_path, lambda: [os.getpid(), os.getppid()]) == [2, 1]
    assert asked(tmp_path, refused(lambda: os.kill(-1, signal.SIGKILL))) == "ProcessLookupError 3"


@needs_processes
@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda: os._exit(3), "exit code 3"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed (SIGKILL)"),
        (os.abort, "(SIGABRT)"),
        (lambda: time.sleep(1000), "did not come back"),
    ],
)
def test_how_it_ended_is_known_through_the_wall(tmp_path: Path, end: Callable[[], Any], how: str) -> None:
    answer = asked(tmp_path, end)
    assert isinstance(answer, NoAnswer)
    assert how in answer.how


@needs_processes
def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    """Even what left its session, and would go on writing."""

    def leave_one_behind() -> int:
        if os.fork() == 0:
            os.setsid()
            while True:
                Path("alive").write_text(str(time.time()))
                time.sleep(0.02)
        time.sleep(0.3)
        return 1

    assert asked(tmp_path, leave_one_behind) == 1
    time.sleep(1)
    last = (tmp_path / "alive").read_text()
    time.sleep(1)
    assert (tmp_path / "alive").read_text() == last


def test_what_prints_without_end_and_hears_no_signal_is_ended(tmp_path: Path) -> None:
    """With and without walls."""

    def deaf() -> None:
        for number in (signal.SIGALRM, signal.SIGPROF):
            signal.signal(number, signal.SIG_IGN)
        while True:
            os.write(1, b"passed " * 1000)

    for enclosure in (None, Enclosure(tmp_path, walls())):
        child = Child(lambda: lambda _: deaf(), enclosure=enclosure)
        answer = child.ask(None, 1)
        assert isinstance(answer, NoAnswer)
        assert "did not come back" in answer.how
        child.close()


def test_an_answer_without_end_is_none() -> None:
    def boast() -> None:
        for end in range(3, 64):
            try:
                os.write(end, (1 << 60).to_bytes(8, "big"))
            except OSError:
                continue

    child = Child(lambda: lambda _: boast())
    answer = child.ask(None, 2)
    assert isinstance(answer, NoAnswer)
    assert "wrote into the pipes" in answer.how
    child.close()
