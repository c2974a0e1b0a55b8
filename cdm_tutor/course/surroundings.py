"""What code shares with all other code, and must leave as it found it: number types, seeds, warnings, PyTorch's own
functions.

Whoever changes it for everybody makes right code beside him look wrong, or wrong code right. So it is looked at around
each call of a learner's function, put back, and named there.
"""

import builtins
import functools
import inspect
import math
import os
import signal
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis.errors import HypothesisException
from torch import Tensor

from cdm_tutor.course import checks
from cdm_tutor.course.outcomes import Replaced, Wrong

TESTS_ONLY = (pytest.skip.Exception, pytest.fail.Exception, pytest.exit.Exception, unittest.SkipTest)
# What comparisons are made with. Not all that could be replaced: answers are compared in another process as well.
COMPARING: dict[Any, str] = {
    torch: "allclose isclose equal eq ne all any abs isfinite isnan tensor zeros ones full stack cat arange randn rand",
    Tensor: "allclose isclose equal eq ne all any abs item tolist double float detach clone flatten max min mean std "
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __bool__ __invert__ __sub__ __getitem__",
    builtins: "isinstance issubclass type len abs all any sum max min zip map sorted range enumerate round float int "
    "bool str list tuple dict set getattr hasattr setattr print open",
    math: " ".join(name for name in vars(math) if callable(vars(math)[name])),
    checks: " ".join(name for name, value in vars(checks).items() if inspect.isfunction(value)),
    pytest: "raises skip approx fail",
    hypothesis: "given settings assume",
}
PATCHABLE = [(holder, name) for holder, names in COMPARING.items() for name in names.split() if hasattr(holder, name)]


@dataclass(frozen=True)
class Setting:
    """Something that is set for everybody.

    Attributes:
        words: what it is.
        read: gives its value.
        write: puts a value back.
        at_load: whether a file may not even set it at its top.
        of_imports: whether importing a library may change it.
    """

    words: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    at_load: bool = False
    of_imports: bool = False


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]


def _set_path(folders: list[str]) -> None:
    sys.path[:] = folders


def _set_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)  # None: as if it had never been set


def _set_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)


def _set_signals(handlers: list[Any]) -> None:
    for number, handler in zip(SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return "(deleted)"


SIGNALS = [getattr(signal, f"SIG{name}") for name in ("INT", "ALRM", "PROF", "TERM") if hasattr(signal, f"SIG{name}")]
SETTINGS = [
    Setting("PyTorch's default number type", torch.get_default_dtype, torch.set_default_dtype, at_load=True),
    Setting("PyTorch's default device", torch.get_default_device, _set_device, at_load=True),
    Setting("whether PyTorch keeps gradients", torch.is_grad_enabled, torch.set_grad_enabled, at_load=True),
    Setting(
        "whether PyTorch computes deterministically",
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    Setting("the number of threads", torch.get_num_threads, torch.set_num_threads),
    Setting("the seed of PyTorch's own generator", torch.initial_seed, torch.manual_seed),
    Setting("what a signal does", lambda: [signal.getsignal(number) for number in SIGNALS], _set_signals),
    Setting("the working folder", _folder, os.chdir),
    Setting("standard output", lambda: sys.stdout, lambda stream: setattr(sys, "stdout", stream)),
    Setting("standard error", lambda: sys.stderr, lambda stream: setattr(sys, "stderr", stream)),
    Setting("Python's trace function", sys.gettrace, sys.settrace),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("the warning filters", lambda: list(warnings.filters), _set_filters, of_imports=True),
    Setting("sys.path", lambda: list(sys.path), _set_path, of_imports=True),
    Setting("the environment variables", lambda: dict(os.environ), _set_environment, of_imports=True),
]


@contextmanager
def kept(who: str, *, loading: bool = False) -> Iterator[None]:
    """Put back what the block changes for everybody.

    Args:
        who: does it, in words.
        loading: a file is loaded: what many set at the top of a file is put back without a word.

    Raises:
        Wrong: naming what was changed.
    """
    modules = len(sys.modules)
    before = [(setting, setting.read()) for setting in SETTINGS]
    parts = [getattr(holder, name) for holder, name in PATCHABLE]
    try:
        yield
    finally:
        changed = _put_back(before, loading, imported=len(sys.modules) != modules)
        replaced = _unpatch(parts)
        changed += replaced
    if changed:
        raise (Replaced if replaced else Wrong)(
            f"{who} changes {', '.join(changed)} for everybody and leaves it so: from then on all other code, the "
            "checks too, computes with that"
        )


def _put_back(before: list[tuple[Setting, Any]], loading: bool, imported: bool) -> list[str]:
    """Set everything as it was; what had been changed, in words."""
    changed = []
    for setting, value in before:
        if setting.of_imports and (imported or loading):
            continue
        if setting.read() != value:
            setting.write(value)
            changed += [setting.words] if setting.at_load or not loading else []
    return changed


def _unpatch(parts: list[Any]) -> list[str]:
    """Put back functions that were replaced; their names."""
    changed = []
    for (holder, name), value in zip(PATCHABLE, parts, strict=True):
        if getattr(holder, name, None) is not value:
            setattr(holder, name, value)
            changed.append(f"{holder.__name__}.{name}")
    return changed


def watched(
    function: Callable[..., Any], name: str, enter: Callable[[str], None], leave: Callable[[str, object], None]
) -> Callable[..., Any]:
    """The same function, around whose calls it is looked at what it changes for everybody.

    Args:
        function: a learner's.
        name: what it is called.
        enter: is told the name at each call.
        leave: is told the name and what comes back.
    """

    @contextmanager
    def around() -> Iterator[None]:
        enter(name)
        try:
            with kept(name):
                yield
        except (*TESTS_ONLY, HypothesisException) as error:
            text = f"{name} raises {type(error).__name__}: only a test may leave itself out or give up"
            raise Wrong(text) from None

    def stepwise(generator: Any) -> Iterator[Any]:
        """A generator works when it is asked for the next item, so that is when to look."""
        while True:
            with around():
                try:
                    item = next(generator)
                except StopIteration as end:
                    return end.value
            try:
                yield item
            except GeneratorExit:
                generator.close()
                raise

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with around():
            result = function(*args, **kwargs)
        leave(name, result)
        return stepwise(result) if inspect.isgenerator(result) else result

    return call


def replace_in(module: ModuleType, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function or method of a module, named as in "NoiseSchedule.from_betas", by what `wrap` makes of it.

    What is not there, or is no function, is left alone.
    """
    *owners, last = name.split(".")
    holder: Any = module
    for owner in owners:
        holder = getattr(holder, owner, None)
    found = vars(holder).get(last) if holder is not None and hasattr(holder, "__dict__") else None
    if isinstance(found, classmethod | staticmethod):
        setattr(holder, last, type(found)(wrap(found.__func__)))
    elif callable(found) and not isinstance(found, type):
        setattr(holder, last, wrap(found))
