"""What `cdm-tutor grade` does: finds, grades, writes, and says what came out."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.grading.grades import Graded, mistakes, unfinished
from cdm_tutor.grading.page import page
from cdm_tutor.grading.points import read_points
from cdm_tutor.grading.reports import Report, to_look_at
from cdm_tutor.grading.run import Grading, cores, rules_for, told
from cdm_tutor.grading.submissions import find
from cdm_tutor.writing import whole_folder

MARK = ".cdm-tutor-grades"  # in folders that may be written anew


def grade(place: Path, lessons: str | None, out: Path, seed: int | None, points: Path | None) -> None:
    """Grade what is in a place, and write the results.

    Raises:
        FileNotFoundError, ValueError, OSError: if something that was given cannot be used.
        KeyboardInterrupt: after Ctrl-C; what was graded by then is written.
    """
    each = read_points(points) if points else {}
    submissions = find(place, but=out)
    rules = rules_for(submissions, lessons, seed)
    grading, stopped = Grading(submissions, rules, each, cores()), False
    with whole_folder(out, MARK, "cdm-tutor grade") as part:  # now, and not after the work that would be lost
        print(f"Lessons {', '.join(lesson.number for lesson in rules.lessons)}, seed {rules.seed}. {told(rules)}")
        try:
            watched(grading)
        except KeyboardInterrupt:
            stopped = True
        report = Report(grading.graded, rules.lessons, rules.seed, told(rules))
        report.write(part)
        (part / "index.html").write_text(page(report), encoding="utf-8")
    print(summary(report.graded, out))
    if stopped:
        raise KeyboardInterrupt


def watched(grading: Grading) -> None:
    """Grade, with a bar where there is a terminal; a line for each submission."""
    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = sys.stdout.isatty()
    # no refreshing from a thread of its own: the workers are forks of this process
    with Progress(*columns, transient=True, disable=not shown, auto_refresh=False) as bar:
        task = bar.add_task("", total=len(grading.submissions))

        def tell(one: Graded, done: int) -> None:
            bar.update(task, completed=done)
            if shown:
                bar.console.print(line(one), markup=False, highlight=False)
            else:
                print(line(one), flush=True)

        grading.run(tell, bar.refresh)


def line(one: Graded) -> str:
    """How a submission stands, in a line."""
    if one.problem:
        return f"  {one.name:24} not graded: {one.problem}"
    look = ", to look at" if to_look_at(one) else ""
    return f"  {one.name:24} {one.points:g} of {one.of:g}{look}"


def summary(graded: Sequence[Graded], out: Path) -> str:
    """What came out, in a few lines."""
    done = [one for one in graded if not one.problem]
    lines = [f"{len(done)} of {len(graded)} submissions graded."]
    if done and (left := unfinished(done)):
        (lesson, exercise), count = left[0]
        lines.append(f"Commonest unfinished: {lesson} {exercise} ({count}).")
    if done and (made := mistakes(done)):
        name, count = made[0]
        lines.append(f"Commonest known mistake: {find_mistake(name)[1].title} ({count}).")
    return "\n".join([*lines, f"Wrote {out / 'index.html'}, results.csv, results.json, junit.xml, gradescope/"])
