"""What becomes of hostile and broken files: python -m benchmarks.hostile

Each of tests/hostile/files.py is put into a course's folder and checked by `pytest lessons/NN`, as a learner does.
Written down are the exit code, the verdict on the exercise that was spoiled, how many verdicts on others were lost, and
the seconds. Writes benchmarks/results/hostile.json.
"""

import json
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import track

from cdm_tutor.course.commands import file_of, init
from cdm_tutor.course.record import Record
from cdm_tutor.course.summary import TOGETHER
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "hostile.json"


def main() -> None:
    found = runpy.run_path(str(ROOT / "tests" / "hostile" / "files.py"))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        init(folder)
        for lesson, hostile in track(found["CASES"], "hostile files"):
            (folder / file_of(lesson)).write_text(found["with_it"](lesson, hostile))
            (folder / ".cdm-tutor" / f"{lesson.number}.json").unlink(missing_ok=True)
            start = time.monotonic()
            command = [sys.executable, "-m", "pytest", f"lessons/{lesson.number}"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            states = Record.of(folder, lesson).rows(lesson)
            states.pop(TOGETHER)
            whole_file = hostile.where in ("file", "stars")
            spoiled = set(states) if whole_file else {lesson.exercises[1].name}
            rows.append(
                {
                    "lesson": lesson.number,
                    "name": hostile.name,
                    "where": "at the top of the file" if whole_file else "in a function",
                    "exit": done.returncode,
                    "verdict": next(states[each] for each in states if each in spoiled),
                    "passed": any(states[each] == "passed" for each in spoiled),
                    "lost": sum(state != "passed" for each, state in states.items() if each not in spoiled),
                    "seconds": round(time.monotonic() - start, 1),
                    "says": done.stdout.partition("FAILURES")[2].strip("=\n ").splitlines()[1:2],
                }
            )
    RESULTS.write_text(json.dumps({**machine(), "rows": rows}, indent=1) + "\n")
    for row in rows:
        print(*row.values(), sep=" | ")


if __name__ == "__main__":
    main()
