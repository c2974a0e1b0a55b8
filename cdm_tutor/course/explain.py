"""What a learner reads when a test fails: what was expected and what came, where, and what it looks like."""

import inspect
import linecache
import os
import re
import textwrap
import traceback
from collections.abc import Callable, Set
from pathlib import Path
from types import FrameType
from typing import Any

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import place_of
from cdm_tutor.course.outcomes import DoesNotLoad, NoTime, StillRunning, Wrong
from cdm_tutor.pages import address


def explain(
    error: BaseException,
    files: Set[str],
    seconds: float,
    place: str = "",
    others: Set[str] = frozenset(),
    *,
    limit: str = "",
) -> str:
    """An error in the learner's words, with the learner's own line if it came from there.

    Args:
        error: what ended the test.
        files: the names of the learner's files.
        seconds: the time limit.
        place: where the exercise is, for errors that say nothing of a line.
        others: functions in whose place the reference ran, so that their lines are not the learner's.
        limit: the option that sets the time limit, if there is one.
    """
    longer = f"{limit} {3 * seconds:g}" if limit else ""
    text = ""
    while isinstance(error, BaseExceptionGroup):  # hypothesis, when a failure does not come again
        text = "Asked the same twice, your code gives two answers. One of them:\n"
        error = error.exceptions[0]
    if isinstance(error, DoesNotLoad):
        if not error.__cause__:
            return text + str(error)
        error = error.__cause__
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{where(str(error.filename), error.lineno or 1)}: {error.msg}\n    {(error.text or '').strip()}"
    if isinstance(error, Wrong):
        text += str(error)
    elif isinstance(error, NoTime):
        text += f"not judged: other programs had the processor. Run it again{longer and f', or with {longer}'}"
    elif isinstance(error, StillRunning):
        text += f"still running after {seconds:g} s: an endless loop?{longer and f' (Or a slow machine: {longer})'}"
    elif gone := re.fullmatch(r"module '(\w+)_\d+' has no attribute '(\w+)'", str(error)):
        return text + f"{gone[1]}.py has no {gone[2]}: was it renamed or removed?"
    else:
        text += f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    own = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename in files and frame.f_code.co_qualname not in others
    ]
    if own:
        frame, line = own[-1]
        file = frame.f_code.co_filename
        text += f"\n{where(file, line)}: in {called(frame)}\n    {linecache.getline(file, line).strip()}"
    elif place:
        text += f"\n{place}"
    elif not isinstance(error, Wrong | StillRunning):
        last = traceback.extract_tb(error.__traceback__)[-1]
        text += f"\n{where(last.filename, last.lineno or 1)}\n    {last.line}"
    return text


def other_parameters(mine: Callable[..., Any], theirs: Callable[..., Any], where_to_look: str) -> str:
    """In a line, that a function takes other parameters than the reference's, as one of another version does; or "".

    Parameters that it has beyond the reference's, with defaults, are its own business.
    """
    parameters, wanted = inspect.signature(mine).parameters.values(), list(inspect.signature(theirs).parameters)
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        return ""
    takes = [each.name for each in parameters if each.name in wanted or each.default is each.empty]
    if takes == wanted:
        return ""
    return (
        f"{theirs.__name__} of yours takes ({', '.join(takes)}), but in this version it is given "
        f"({', '.join(wanted)}): take its def line over from {where_to_look}"
    )


def called(frame: FrameType) -> str:
    """Which function was called, and with what, as far as it still knows."""
    from cdm_tutor.course.checks import show

    code = frame.f_code
    if code.co_name == "<module>":
        return "the file itself"
    names = [name for name in code.co_varnames[: code.co_argcount] if name in frame.f_locals]
    given = [f"{name} = {show(frame.f_locals[name])}" for name in names if name not in ("self", "cls")]
    return f"{code.co_qualname}({', '.join(given)})"


def where(file: str, line: int) -> str:
    """A place as editors and terminals open it, relative to where we are if that is shorter."""
    path = Path(file)
    if path.is_relative_to(Path.cwd()):
        file = str(path.relative_to(Path.cwd()))
    return f"{file}:{line}"


def recognised(mistake: Mistake) -> str:
    """A known mistake: what was done, what it does to the images, which concept was missed; not the corrected line."""
    parts = {"what you see": mistake.symptom, "the idea": mistake.concept}
    width = min(88, int(os.environ.get("COLUMNS", 88)))
    lines = [
        textwrap.fill(text, width, initial_indent=f"  {label + ':':14}", subsequent_indent=" " * 16)
        for label, text in parts.items()
    ]
    lines.append(f"  {'on the site:':14}{address(place_of(mistake.name))}")  # in one piece, or it opens nothing
    return "\n".join([f"It behaves like a known mistake: {mistake.title}", *lines])
