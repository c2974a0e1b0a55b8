"""Grades a class: as many processes as there are cores take one submission after the other."""

import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from cdm_tutor.course.child import CAN_FORK, Child, NoAnswer
from cdm_tutor.course.enclosure import FILES, NETWORK, PROCESSES, walls
from cdm_tutor.course.examination import warm_up
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.stubs import digest, shipped
from cdm_tutor.grading.grades import NO_VERDICT, Graded, Said, grade
from cdm_tutor.grading.marks import Bodies, alike, references
from cdm_tutor.grading.points import Points
from cdm_tutor.grading.submissions import Submission
from cdm_tutor.grading.worker import Rules, Worker

NOT_REACHED = "was not reached: grading was stopped before"


def rules_for(submissions: Sequence[Submission], lessons: str | None, seed: int | None) -> Rules:
    """What holds for a class.

    Args:
        submissions: what was turned in.
        lessons: as in "1-4" or "1,3"; None for all in which somebody has begun.
        seed: of the random examples; None for a new one.

    Raises:
        ValueError: if there is no such lesson, if nobody has begun one, or if this system cannot grade.
    """
    if not CAN_FORK:
        raise ValueError("grading needs a system that can fork: Linux, macOS, or Windows with WSL")
    chosen = read_lessons(lessons) if lessons else begun(submissions)
    return Rules(chosen, secrets.randbelow(2**32) if seed is None else seed, 8.0, walls())


def read_lessons(text: str) -> tuple[Lesson, ...]:
    """The lessons of "1-4", "1,3" or "sampler".

    Raises:
        ValueError: if there is no such lesson.
    """
    chosen: set[Lesson] = set()
    for part in text.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        ends = [LESSONS.index(find_lesson(each)) for each in ((first, last) if dash else (first, first))]
        if ends[0] > ends[1]:
            raise ValueError(f"--lessons {text}: {part} goes backwards")
        chosen.update(LESSONS[ends[0] : ends[1] + 1])
    return tuple(lesson for lesson in LESSONS if lesson in chosen)


def begun(submissions: Sequence[Submission]) -> tuple[Lesson, ...]:
    """The lessons of which somebody has turned in more than the file as it is at the start.

    Raises:
        ValueError: if there is none.
    """
    found = []
    for lesson in LESSONS:
        known = set(shipped(lesson))
        if any(lesson.number in each.files and digest(each.files[lesson.number]) not in known for each in submissions):
            found.append(lesson)
    if not found:
        problems = "; ".join(f"{each.name} {each.problem}" for each in submissions[:5] if each.problem)
        raise ValueError(f"nothing to grade: in no submission is anything written. {problems}".strip())
    return tuple(found)


def told(rules: Rules) -> str:
    """What submissions are kept from, in a line, and what this system cannot keep them from."""
    means = {NETWORK: "the network", PROCESSES: "other processes", FILES: "writing outside their own folders"}
    kept = [words for wall, words in means.items() if wall in rules.walls]
    free = [words for wall, words in means.items() if wall not in rules.walls]
    text = f"Submissions are kept from {', '.join(kept)}." if kept else ""
    if free:
        text += f" This system cannot keep them from {', '.join(free)}: use a machine that may be lost, as a container."
    return text.strip()


class Grading:
    """The grading of a class. What is graded so far is in `graded`, in the order of the submissions.

    Args:
        submissions: what was turned in.
        rules: what is the same for all.
        points: what each exercise gives, where that is not one.
        jobs: how many at a time.
    """

    def __init__(self, submissions: Sequence[Submission], rules: Rules, points: Points, jobs: int) -> None:
        self.submissions, self.rules, self.points = submissions, rules, points
        self.jobs = max(1, min(jobs, len(submissions)))
        self.done: dict[str, Graded] = {}
        self.bodies: dict[str, Bodies] = {}
        self.stop = threading.Event()

    def run(self, tell: Callable[[Graded, int], None], tick: Callable[[], object]) -> None:
        """Grade. Ctrl-C keeps what is graded.

        Args:
            tell: hears of each submission that is graded, and how many these are.
            tick: is called at least each second.

        Raises:
            KeyboardInterrupt: after it was stopped.
        """
        for lesson in self.rules.lessons:  # once, for all that are forked from here
            self.rules.tests(lesson)
        warm_up()
        todo: SimpleQueue[Submission] = SimpleQueue()
        for submission in self.submissions:
            if submission.problem:
                self.keep(Graded(submission.name, submission.problem), {}, tell)
            else:
                todo.put(submission)
        with tempfile.TemporaryDirectory(prefix="cdm-tutor-grade-", ignore_cleanup_errors=True) as place:
            workers = [self.worker(Path(place)) for _ in range(self.jobs)]  # before there are threads
            with ThreadPoolExecutor(self.jobs) as pool:
                running = {pool.submit(self.work, worker, Path(place), todo, tell) for worker in workers}
                try:
                    while running:  # and not one long wait, which Ctrl-C could not end everywhere
                        tick()
                        ended, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                        for future in ended:
                            future.result()
                finally:
                    self.stop.set()

    def worker(self, place: Path) -> Child:
        """A process that grades."""
        return Child(lambda: Worker(self.rules, place).serve)

    def work(self, worker: Child, place: Path, todo: "SimpleQueue[Submission]", tell: Callable[..., None]) -> None:
        """Have one process grade what is left, until nothing is."""
        try:
            while not self.stop.is_set():
                try:
                    submission = todo.get_nowait()
                except Empty:
                    return
                if worker.dead:
                    worker = self.worker(place)
                answer = worker.ask(dict(submission.files), 0, stop=self.stop)
                worker.printed()
                if not self.stop.is_set():
                    self.keep(*self.read(submission, answer), tell)
        finally:
            worker.close()

    def read(self, submission: Submission, answer: Any) -> tuple[Graded, Bodies]:
        """A submission's grades, and its bodies, from what a worker says."""
        if isinstance(answer, NoAnswer):  # only where other processes are within its reach
            text = f"the process that grades it {answer.how}"
            grades = [each for lesson in self.rules.lessons for each in grade(lesson, [], self.points)]
            for each in grades:
                each.state, each.text = NO_VERDICT, text
            return Graded(submission.name, grades=grades, marks=[text]), {}
        if "error" in answer:
            return Graded(submission.name, f"could not be graded: {answer['error']}"), {}
        said = answer["said"]
        found = Graded(submission.name, marks=answer["unusual"], seconds=answer["seconds"])
        for lesson in self.rules.lessons:
            its = [Said(**each) for each in said[lesson.number]] if lesson.number in said else None
            found.grades += grade(lesson, its, self.points)
        return found, {(lesson, exercise): body for lesson, exercise, body in answer["bodies"]}

    def keep(self, graded: Graded, its_bodies: Bodies, tell: Callable[[Graded, int], None]) -> None:
        """Remember how a submission stands."""
        self.bodies[graded.name] = its_bodies
        self.done[graded.name] = graded
        tell(graded, len(self.done))

    @property
    def graded(self) -> list[Graded]:
        """All, in order, with marks; those that were not reached say so."""
        marks = alike(self.bodies, references(self.rules.lessons))
        found = []
        for submission in self.submissions:
            one = self.done.get(submission.name) or Graded(submission.name, NOT_REACHED)
            for each in one.grades:
                mark = marks.get((one.name, each.lesson, each.exercise))
                each.marks = [mark] if mark else []
            found.append(one)
        return found


def cores() -> int:
    """How many processors there are for us."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
