"""What a learner's functions do, drawn above what they should do, also when they are wrong: `cdm-tutor show 02`.

The learner's code runs in a process of its own, while this one draws what it should do.
"""

import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor.course.child import CAN_FORK, NoAnswer, start
from cdm_tutor.course.explain import explain
from cdm_tutor.course.handle import Subject
from cdm_tutor.course.learner import Implementation
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.shows import Show, shows_of
from cdm_tutor.course.syntax import NO_PYTHON, unwritten
from cdm_tutor.course.timelimit import time_limit
from cdm_tutor.plots import grid, save_figure

SECONDS = 4.0  # of processor time that the learner's code may take for one picture
NEAR = 1e-3  # images and curves that differ by less look the same


@dataclass(frozen=True)
class Seen:
    """One picture: what the learner's code made, None where it made none, what it should, and that in words."""

    show: Show
    mine: Tensor | None
    right: Tensor
    words: str


def look(lesson: Lesson, folder: Path, exercise: str | None = None) -> list[Seen]:
    """Make all pictures of a lesson, or those of one exercise, that something written has a part in.

    What a picture is not about is the package's, and so is what is not written: nobody's mistake spoils another's
    picture.

    Args:
        lesson: which lesson.
        folder: the folder of the learner's file.
        exercise: its name, if only one is to be seen.

    Raises:
        ValueError: if nothing is written yet, there is no file, or it is no Python.
    """
    subject = Subject(lesson, Implementation(), folder)
    file = str(folder / f"{lesson.module}.py")
    try:
        source, file = subject.text()
        compile(source, file, "exec")
        missing = unwritten(source, lesson)
    except (DoesNotLoad, *NO_PYTHON) as error:
        raise ValueError(explain(error, {file}, SECONDS)) from None
    names = [exercise] if exercise else [each.name for each in lesson.exercises]
    written = {name for name in names if name not in missing}
    if not written:
        raise ValueError(f"{exercise or names[0]} is not written yet: {subject.place(names[0])}")
    shows = [show for show in shows_of(lesson) if {*show.exercises} & written]
    torch.set_num_threads(1)  # as forks must; each has a core of its own
    child = start(lambda: lambda number: _attempt(shows[number], written, subject, file), CAN_FORK, loud=True)
    try:
        with ThreadPoolExecutor(1) as pool:  # it only waits for the child, while we draw
            mine = pool.submit(lambda: [child.ask(number, SECONDS) for number in range(len(shows))])
            module = import_module(f"cdm_tutor.{lesson.module}")
            right = [_draw(show, module) for show in shows]
            return [_compared(*three) for three in zip(shows, mine.result(), right, strict=True)]
    finally:
        child.close()


def _draw(show: Show, module: ModuleType) -> Tensor:
    """Make a picture, also by code that draws from torch's own generator, as it was made before."""
    torch.default_generator.manual_seed(0)
    made = show.make(module)
    if not isinstance(made, Tensor):
        raise TypeError(f"expected a tensor, got {type(made).__name__}")
    return made.detach()


def _attempt(show: Show, written: set[str], subject: Subject, file: str) -> Tensor | str:
    """In the child: a picture, or why there is none."""
    subject = Subject(subject.lesson, subject.implementation, subject.folder)
    subject.only = tuple(name for name in show.exercises if name in written)
    try:
        with time_limit(SECONDS):
            return _draw(show, subject.module())
    except BaseException as error:
        return explain(error, {file}, SECONDS).expandtabs(4)


def _compared(show: Show, mine: Any, right: Tensor) -> Seen:
    """Say where the learner's picture differs."""
    if isinstance(mine, NoAnswer | str):
        return Seen(show, None, right, mine.how if isinstance(mine, NoAnswer) else mine)
    if mine.shape != right.shape:
        return Seen(show, None, right, f"yours has shape {tuple(mine.shape)}, expected {tuple(right.shape)}")
    far = (mine.double() - right.double()).abs().nan_to_num(torch.inf).flatten(1 if mine.ndim > 1 else 0)
    far = (far.amax(dim=1) if mine.ndim > 1 else far) > NEAR * max(1.0, right.abs().max().item())
    if not far.any():
        return Seen(show, mine, right, "as it should be")
    first = int(far.nonzero()[0])
    place = show.labels[first] if mine.ndim > 1 and show.labels else f"number {first + 1}"
    return Seen(show, mine, right, f"differs, first at {place}; in {int(far.sum())} of {len(far)}")


def tell(lesson: Lesson, seen: Sequence[Seen]) -> str:
    """In words, a line for each picture."""
    lines, said = [f"lesson {lesson.number}, {lesson.title}: yours above, as it should be below"], ""
    for each in seen:
        again = each.words == said and each.mine is None  # one mistake is explained once
        lines.append(f"  {each.show.title}: {'the same' if again else each.words}")
        said = each.words
    return "\n".join(lines)


def save(path: Path, seen: Sequence[Seen]) -> None:
    """Draw all pictures, one below the other, each above what it should be."""
    heights = [_height(each) for each in seen]
    figure = Figure(figsize=(9, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(seen), 1, height_ratios=heights, squeeze=False)[:, 0]
    for each, part in zip(seen, parts, strict=True):
        alike = each.words == "as it should be"
        part.suptitle(each.show.title, x=0.01, ha="left", fontsize=10, color="black" if alike else "firebrick")
        if each.right.ndim == 1:
            _draw_curves(part.subplots(), each)
            continue
        above, below = part.subplots(2, 1)
        _draw_row(above, each.mine, "yours", each)
        _draw_row(below, each.right, "as it\nshould be", each)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(path, figure)


def _height(seen: Seen) -> float:
    """How many inches a picture takes."""
    if seen.right.ndim == 1:
        return 2.4
    count, _, height, width = seen.right.shape
    columns = min(count, seen.show.columns)
    return 0.5 + 2 * -(-count // columns) * 7 * height / (width * columns)


def _draw_row(axes: Axes, images: Tensor | None, whose: str, seen: Seen) -> None:
    axes.set(xticks=[], yticks=[])
    axes.set_ylabel(whose, fontsize=9, rotation=0, ha="right", va="center")
    axes.spines[:].set_visible(False)
    if images is None:
        _say(axes, seen.words)
        return
    picture = grid(images.nan_to_num(0.0), seen.show.columns, zoom=1)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    if seen.show.labels and whose == "yours":
        side = images.shape[-1] + 2
        axes.set_xticks([i * side + side / 2 for i in range(len(seen.show.labels))], seen.show.labels, fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)


def _draw_curves(axes: Axes, seen: Seen) -> None:
    axes.plot(seen.right, color="silver", linewidth=4, label="as it should be")
    if seen.mine is not None:
        axes.plot(seen.mine, color="black", linewidth=1.2, label="yours")
    else:
        _say(axes, seen.words)
    along, up = seen.show.labels
    axes.set(xlabel=along, ylabel=up)
    axes.legend(fontsize=8)


def _say(axes: Axes, words: str) -> None:
    """In the place of a picture, why there is none; the terminal has all of it."""
    text = "\n".join(textwrap.shorten(line, 130, placeholder=" ...") for line in words.splitlines()[:3])
    said = axes.text(0.01, 0.5, text, fontsize=8, va="center", color="firebrick", transform=axes.transAxes)
    said.set_in_layout(False)  # the pictures keep their size
