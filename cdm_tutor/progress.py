"""Progress bars for what takes long."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cdm_tutor.critic import Round
from cdm_tutor.trainer import Step


@contextmanager
def training_bar(batch: int) -> Iterator[Callable[[Step | Round], None]]:
    """A bar with step, loss, images a second and time left; call what it yields after each step."""
    columns = (TextColumn("step {task.fields[step]}"), BarColumn(), TextColumn("{task.percentage:3.0f}%"))
    loss = TextColumn("loss {task.fields[loss]:.4f}  {task.fields[rate]:.0f} images/s")
    with Progress(*columns, loss, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=1.0, step=0, loss=float("nan"), rate=0.0)
        first: Step | Round | None = None
        smooth = 0.0

        def show(step: Step | Round) -> None:
            nonlocal first, smooth
            first = first or step
            smooth = step.loss if step is first else 0.98 * smooth + 0.02 * step.loss
            seconds = step.seconds - first.seconds
            rate = batch * (step.step - first.step) / seconds if seconds else 0.0
            bar.update(task, completed=step.progress, step=step.step, loss=smooth, rate=rate)

        yield show


@contextmanager
def counting_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that shows up with the first of them; call what it yields with how many are done, and of how many."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


@contextmanager
def sampling_bar(n: int) -> Iterator[Callable[[int], None]]:
    """A bar over n images; call what it yields with how many more are done."""
    columns = (TextColumn("sampling"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("left"), TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=n)
        yield lambda done: bar.advance(task, done)
