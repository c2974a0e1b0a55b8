"""Collects a lesson's tests once, for those who run them many times and not as pytest does."""

import contextlib
import io
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase

from cdm_tutor.course import checks

OPTIONS = ("--collect-only", "-q", "--import-mode=importlib", "--noconftest", "-p", "cdm_tutor.course.plugin")
QUIET = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


@cache
def collected(folder: Path, seed: int | None = None) -> dict[str, tuple[str | None, pytest.Function]]:
    """The tests in a lesson's folder, by name, with what each is about.

    Args:
        folder: where they are.
        seed: of the random examples; None for those that a learner's check has.

    Raises:
        ValueError: if they cannot be collected.
    """

    class Collector:
        def __init__(self) -> None:
            self.items: list[pytest.Item] = []

        def pytest_collection_finish(self, session: pytest.Session) -> None:
            self.items = session.items

    for name, module in list(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "").parent == folder:
            del sys.modules[name]  # pytest would take it as it was made for another seed
    collector, said = Collector(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), _set(seed):
        code = pytest.main([str(folder), f"--rootdir={folder}", *OPTIONS, *QUIET], plugins=[collector])
    if code:
        raise ValueError(f"the tests in {folder} cannot be collected: {said.getvalue()}")
    from cdm_tutor.course.plugin import about

    return {item.nodeid: (about(item), item) for item in collector.items if isinstance(item, pytest.Function)}


@contextlib.contextmanager
def _set(seed: int | None) -> Iterator[None]:
    """Collect tests that stop at the first example that fails: to find the smallest one takes time."""
    before = checks.phases, checks.seed
    checks.phases, checks.seed = (Phase.explicit, Phase.generate), seed
    try:
        yield
    finally:
        checks.phases, checks.seed = before
