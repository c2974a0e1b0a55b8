"""What the course gives to a learner's folder, and whether what is there is that."""

import json
from collections.abc import Sequence
from pathlib import Path

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.record import FOLDER, own_folder
from cdm_tutor.course.stubs import HOME, digest, stub
from cdm_tutor.writing import whole

PYTEST_INI = "[pytest]\naddopts = --import-mode=importlib\n"
GIVEN = "given.json"  # in the folder of the records: the digests of what the course gave
BEFORE = Path(__file__).with_name(
    "given_before.txt"
)  # digests of all that was given before folders noted it themselves


def course_files() -> dict[str, bytes]:
    """What is in a learner's folder at the start: where, and what."""
    files = {"conftest.py": (HOME / "conftest.py").read_bytes(), "pytest.ini": PYTEST_INI.encode()}
    for lesson in LESSONS:
        files[f"lessons/{lesson.number}/{lesson.module}.py"] = stub(lesson).encode()
        for test in sorted((HOME / "lessons" / lesson.number).glob("test_*.py")):
            files[f"lessons/{lesson.number}/{test.name}"] = test.read_bytes()
    return files


def has_other_tests(root: Path, lesson: Lesson) -> bool:
    """Whether the tests of a lesson that lie in a course folder are not this version's."""
    name = Path("lessons", lesson.number, f"test_{lesson.module}.py")
    try:
        return digest((root / name).read_bytes()) != digest((HOME / name).read_bytes())
    except OSError:
        return True


def other_tests(root: Path, lessons: Sequence[Lesson] = LESSONS) -> str:
    """Those of the lessons whose tests are not this version's, and what to do, in a line; "" if there is none."""
    numbers = [lesson.number for lesson in lessons if has_other_tests(root, lesson)]
    if not numbers:
        return ""
    one = len(numbers) == 1
    return (
        f"The tests of lesson{'' if one else 's'} {', '.join(numbers)} are not this version's (edited, or of another "
        "version), so what they say counts for less. To have these: cdm-tutor update"
    )


def remember(root: Path) -> None:
    """Note what the course gave, so that it is known later whether somebody edited it; where it can be noted."""
    digests = {name: digest(content) for name, content in course_files().items()}
    try:
        with whole(own_folder(root) / GIVEN) as part:
            part.write_text(json.dumps(digests, indent=2) + "\n", encoding="utf-8")
    except OSError:
        return


def given(root: Path) -> set[str]:
    """The digests of what the course gave to a folder, as far as they are known, or to any folder before."""
    before = set(BEFORE.read_text(encoding="utf-8").split())
    try:
        found = json.loads((root / FOLDER / GIVEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return before
    return before | {each for each in found.values() if isinstance(each, str)} if isinstance(found, dict) else before
