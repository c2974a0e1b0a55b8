"""`cdm-tutor ...` in a process of its own: a fork of a small one that has torch already, so that it starts at once."""

import multiprocessing
import os
import resource
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["torch._dynamo", "cdm_tutor.runs", "cdm_tutor.demo", "cdm_tutor.generate", __name__])


def run_command(*arguments: str) -> None:
    """The command line; its exit code is the process's."""
    from cdm_tutor.cli import main

    sys.argv = ["cdm-tutor", *arguments]
    main()


def run_script(path: str, *arguments: str) -> None:
    """A Python file."""
    sys.argv = [path, *arguments]
    runpy.run_path(path, run_name="__main__")


def _begin(
    call: Callable[..., None], arguments: list[str], cwd: Path, more: dict[str, str], said: Path, limit: int
) -> None:
    """In the new process: be where and as it was asked for, then run."""
    torch.set_num_threads(1)
    os.chdir(cwd)
    os.environ.update(more)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, name in ((1, "out"), (2, "err")):
        file = os.open(said.with_suffix(f".{name}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    call(*arguments)


class Started:
    """A process that runs.

    Args:
        arguments: of the command line, or of `call`.
        cwd: the folder to be in; what is said goes to files beside it.
        call: what to run.
        environment: more of it.
        limit: how many bytes it may write into a file, as if the disk were full then; 0 for no limit.
    """

    def __init__(
        self,
        *arguments: object,
        cwd: Path,
        call: Callable[..., None] = run_command,
        environment: dict[str, str] | None = None,
        limit: int = 0,
    ) -> None:
        self.said = cwd.parent / f"{cwd.name}-said-{time.monotonic_ns()}"
        given = [str(argument) for argument in arguments]
        more = {"OMP_NUM_THREADS": "1", **(environment or {})}
        self.process: Any = FORKSERVER.Process(target=_begin, args=(call, given, cwd, more, self.said, limit))
        self.process.start()
        self.pid = int(self.process.pid or 0)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self.process.exitcode is None)

    def wait_for(self, log: Path, steps: int) -> None:
        """Until so many steps are logged."""
        deadline = time.monotonic() + 90
        while not (log.exists() and log.read_text().count("\n") >= steps):
            assert self.running(), self.output()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def output(self) -> tuple[str, str]:
        """What it said so far, and its errors."""
        out, err = (self.said.with_suffix(f".{name}") for name in ("out", "err"))
        return (out.read_text() if out.exists() else "", err.read_text() if err.exists() else "")

    def finish(self, code: int = 0, timeout: float = 200) -> tuple[str, str]:
        """Wait for its end, which must have this exit code; returns what was said, and errors."""
        self.process.join(timeout)
        said, errors = self.output()
        assert self.process.exitcode == code, said + errors
        return said, errors
