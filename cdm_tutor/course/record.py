"""What is remembered of a learner's way through a lesson: `.cdm-tutor/NN.json`, beside the lessons folder."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cdm_tutor.course.learner import learner_source
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.summary import NOT_RUN, TOGETHER
from cdm_tutor.writing import whole

FOLDER = ".cdm-tutor"


@dataclass
class Record:
    """One lesson's record.

    Attributes:
        states: how each exercise, and all together, stood when last checked, in the words of the summary.
        digests: of what was checked then, the learner's file and the tests. If either has changed, the state is stale.
        hints: how many hints were read, by exercise.
    """

    states: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path, lesson: Lesson) -> "Record":
        """Read it; an empty one if there is none, or none that can be read."""
        try:
            record = cls(**json.loads(_path(root, lesson).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()
        return record if record._is_sound() else cls()

    def _is_sound(self) -> bool:
        """Whether it is of the right kind throughout: somebody may have edited the file."""
        kinds = ((self.states, str), (self.digests, str), (self.hints, int))
        return all(
            isinstance(part, dict) and all(isinstance(value, kind) for value in part.values()) for part, kind in kinds
        )

    def keep(self, root: Path, lesson: Lesson) -> str:
        """Write it, in a folder that git ignores.

        Returns:
            "", or, where nothing can be written, a line that says so: then nothing is remembered, and all works.
        """
        path = _path(root, lesson)
        try:
            own_folder(root)
            with whole(path) as part:
                part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        except OSError:
            return _cannot(path.parent)
        return ""

    def checked(self, rows: dict[str, str], digest: str) -> None:
        """Take in how a run of the tests ended. What it did not check, or only in part, stays as it was."""
        for name, state in rows.items():
            if state not in NOT_RUN:
                self.states[name], self.digests[name] = state, digest

    def still(self, name: str, digest: str) -> bool:
        """Whether that exercise was checked on just the files with that fingerprint."""
        return name in self.states and self.digests.get(name) == digest

    def rows(self, lesson: Lesson) -> dict[str, str]:
        """How each exercise stood, in the order of the lesson, and all together."""
        names = [*(exercise.name for exercise in lesson.exercises), TOGETHER]
        return {name: self.states.get(name, NOT_RUN[0]) for name in names}

    def stale(self, root: Path, lesson: Lesson) -> set[str]:
        """Those that were checked, but on another file than is there now, or by other tests."""
        now = digest_now(root, lesson)
        return {name for name in self.rows(lesson) if self.digests.get(name, now) != now}


def forgets(root: Path) -> str:
    """That nothing can be remembered in this course, in a line; "" where it can."""
    folder = root / FOLDER
    if (folder.is_dir() or not folder.exists()) and os.access(folder if folder.is_dir() else root, os.W_OK):
        return ""
    return _cannot(folder)


def own_folder(root: Path) -> Path:
    """The folder of what is remembered, made if need be; git ignores it.

    Raises:
        OSError: if it cannot be made.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def _cannot(folder: Path) -> str:
    return f"This cannot be remembered: nothing can be written in {folder}."


def _path(root: Path, lesson: Lesson) -> Path:
    return root / FOLDER / f"{lesson.number}.json"


def digest(source: str, tests: str) -> str:
    """A fingerprint of a learner's file and the tests that check it; "" if there is no such file."""
    return hashlib.sha256(f"{len(source)} {source} {tests}".encode()).hexdigest() if source else ""


def digest_now(root: Path, lesson: Lesson) -> str:
    """The fingerprint of the files as they are now."""
    home = root / "lessons" / lesson.number
    try:
        source, _ = learner_source(home / f"{lesson.module}.py")
        return digest(source, (home / f"test_{lesson.module}.py").read_text(encoding="utf-8"))
    except (DoesNotLoad, OSError):
        return ""


def finished(root: Path, lesson: Lesson) -> bool:
    """Whether all tests passed on the very file that is there now; the one of all lessons together may be skipped."""
    record = Record.of(root, lesson)
    *exercises, together = record.rows(lesson).values()
    passed = all(state == "passed" for state in exercises) and together in ("passed", "skipped")
    return passed and not record.stale(root, lesson)
