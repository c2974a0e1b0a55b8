"""How a verdict comes about: one exercise at a time, by a judge out of reach, and fair to other ways of writing."""

import ast
import time
from functools import cache, partial
from pathlib import Path

import pytest
import torch

from cdm_tutor.course import commands
from cdm_tutor.course.child import Child, NoAnswer
from cdm_tutor.course.examination import Examination, Verdict
from cdm_tutor.course.gate import Gate, Planted
from cdm_tutor.course.handle import Subject
from cdm_tutor.course.learner import alone, patched, reference_source
from cdm_tutor.course.lesson import Patch
from cdm_tutor.course.outcomes import StillRunning, Wrong
from cdm_tutor.course.outline import find_lesson
from cdm_tutor.course.record import Record, finished
from cdm_tutor.course.surroundings import kept
from cdm_tutor.course.timelimit import time_limit

NOISING = find_lesson("02")
MIX = "    signal, sigma = _mix(t, x0, noise, schedule)\n    return signal * x0 + sigma * noise\n"
gate_of = cache(partial(Gate, apart=True))


def examined(patch: Patch, number: str = "02") -> dict[str, Verdict]:
    """The worst verdict of each exercise of a lesson, with a patch on the reference."""
    gate = gate_of(find_lesson(number))
    worst: dict[str, Verdict] = {}
    for name, verdict in gate.examine(patched(reference_source(gate.lesson), patch)).items():
        about = gate.tests[name][0] or ""
        if about not in worst or worst[about].outcome == "passed":
            worst[about] = verdict
    return worst


def test_one_wrong_exercise_spoils_no_other() -> None:
    """All others of lesson 2 call gather."""
    found = examined(
        (("    return table[t].reshape(-1, 1, 1, 1)\n", "    return table[t - 1].reshape(-1, 1, 1, 1)\n"),)
    )
    assert found.pop("gather").outcome == "wrong"
    assert found.pop("").text == "waits for gather"
    assert {verdict.outcome for verdict in found.values()} == {"passed"}


def test_what_was_stopped_takes_no_time_from_slow_code_that_is_right() -> None:
    """Less patience with the others, but never less than right code needs on a busy machine."""
    slow = "    import time\n    start = time.process_time()\n    while time.process_time() < start + 1: pass\n"
    turned = "    return signal * noise - sigma * x0\n"
    source = patched(reference_source(NOISING), ((MIX, "    while True: pass\n"), (turned, slow + turned)))
    gate = Gate(NOISING, seconds=2, apart=True)
    by_hand = next(name for name, (about, _) in gate.tests.items() if about == "velocity")
    examination = Examination(
        Subject(NOISING, Planted(lesson=NOISING, text=source), gate.folder), gate.tests, gate.judge, 2, apart=True
    )
    hung = next(name for name, (about, _) in gate.tests.items() if about == "q_sample")
    examination.verdict(hung, "q_sample")
    assert "q_sample" in examination.stopped
    assert examination.verdict(by_hand, "velocity").outcome in ("passed", "no time")
    examination.close()


def test_who_needs_no_helper_may_delete_it() -> None:
    """The reference's other functions, which stand beside his, bring their own."""
    source = reference_source(NOISING)
    helper = source[source.index("\ndef _mix(") :]
    own = "    a = gather(schedule.sqrt_alphas_cumprod, t, x0)\n    return a * x0 + (1 - a * a).sqrt() * noise\n"
    check = '    if x0.shape != noise.shape:\n        raise ValueError("shapes")\n'
    assert examined(((helper, "\n"), (MIX, check + own)))["q_sample"].outcome == "passed"


def test_who_changes_a_helper_and_all_that_use_it_is_right() -> None:
    """Alone beside the reference's functions his would fail; the file as it is works."""
    source = reference_source(NOISING)
    names = "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"
    gathered = [f"gather(schedule.{name}, t, a)" for name in names]
    text = source.replace("signal, sigma = _mix(", "sigma, signal = _mix(")
    text = text.replace(", ".join(gathered), ", ".join(reversed(gathered)))
    verdicts = gate_of(NOISING).examine(text)
    assert {verdict.outcome for verdict in verdicts.values()} == {"passed"}


P_SAMPLE = "def p_sample(\n    x_t: Tensor, guess: Guess, prev_t: int,"


def test_who_has_the_parameters_of_another_version_is_told() -> None:
    """As lesson 4 had them before: in a line, and only about the function that has them."""
    found = examined(((P_SAMPLE, P_SAMPLE.replace("prev_t", "last, prev_t")),), "04")
    text = found["p_sample"].text
    assert text.startswith("TypeError: ")
    assert text.splitlines()[-1] == (
        "p_sample of yours takes (x_t, guess, last, prev_t, schedule, noise, eta), but in this version it is given "
        "(x_t, guess, prev_t, schedule, noise, eta): take its def line over from the lesson's page, or from cdm-tutor "
        "solution 04 p_sample"
    )
    assert {verdict.outcome for about, verdict in found.items() if about not in ("p_sample", "")} == {"passed"}


@pytest.mark.parametrize("more", ["noise: Tensor, clip: bool = False,", "noise: Tensor, *_: object,"])
def test_parameters_of_ones_own_are_no_other_version(more: str) -> None:
    names = P_SAMPLE + " schedule: NoiseSchedule, noise: Tensor,"
    wrong = (
        "    return mean + eta * math.sqrt(variance) * noise",
        "    return mean + eta * math.sqrt([variance]) * noise",
    )
    text = examined(((names, names.replace("noise: Tensor,", more)), wrong), "04")["p_sample"].text
    assert text.startswith("TypeError: ")
    assert "version" not in text


def test_imports_that_are_new_come_with_the_reference() -> None:
    """Though the file has a part of such an import already."""
    before = "from collections.abc import Callable\n\ndef p_sample(): ...\n"
    lines = ast.unparse(alone(before, find_lesson("04"), ["p_sample"])).splitlines()
    assert [line for line in lines if "collections" in line] == [
        "from collections.abc import Callable",
        "from collections.abc import Iterator",
    ]


def test_who_has_not_yet_a_new_function_is_told() -> None:
    text = examined((("def dpm_walk(", "def old_walk("), ('"dpm": (dpm_walk,', '"dpm": (old_walk,')), "04")[
        "dpm_walk"
    ].text
    assert "sampler.py has no dpm_walk: was it renamed or removed? Or is the file of an earlier version?" in text
    assert "cdm-tutor reset 04" in text


def test_answers_are_compared_where_the_file_cannot_reach() -> None:
    """The file tampers with the comparison before anybody looks."""
    lie = "    from cdm_tutor.course import checks\n    checks.same_tensor.__code__ = (lambda *a: None).__code__\n"
    found = examined(((MIX, lie + "    _mix(t, x0, noise, schedule)\n    return x0 + noise\n"),))
    assert found["q_sample"].outcome == "wrong"
    assert "compared in another process" in found["q_sample"].text


def test_what_calls_the_answer_does_not_count(tmp_path: Path) -> None:
    first = find_lesson("01")
    commands.init(tmp_path)
    file, source = tmp_path / commands.file_of(first), reference_source(first)
    call = "    import cdm_tutor.schedule\n    return cdm_tutor.schedule.cosine_betas(T, offset)\n"
    file.write_text(patched(source, (("    return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)\n", call),)))
    assert pytest.main([str(file.parent), "-q", "-p", "no:cacheprovider"]) == 1
    rows = Record.of(tmp_path, first).rows(first)
    assert rows["cosine_betas"] == "calls the answer"
    assert rows["linear_betas"] == "passed"
    assert rows["all together"] == "waits for cosine_betas"
    assert not finished(tmp_path, first)


def test_what_was_checked_before_is_still_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = find_lesson("01")
    commands.init(tmp_path)
    (tmp_path / commands.file_of(first)).write_text(reference_source(first))
    folder = str(tmp_path / "lessons" / "01")
    assert pytest.main([folder, "-q", "-p", "no:cacheprovider"]) == 0
    capsys.readouterr()
    assert pytest.main([folder, "-q", "-p", "no:cacheprovider", "--exercise", "cosine_betas"]) == 0
    said = capsys.readouterr().out
    assert "3 of 3 exercises" in said
    assert "linear_betas                     passed (checked before)" in said
    assert "Lesson 01 is done" in said


def test_a_limit_inside_a_limit_leaves_the_outer_one() -> None:
    def forever(seconds: float) -> None:
        with time_limit(seconds):
            while True:
                pass

    def both() -> None:
        with time_limit(0.3):
            with pytest.raises(StillRunning):
                forever(0.05)
            while True:
                pass

    start = time.process_time()
    with pytest.raises(StillRunning):
        both()
    assert time.process_time() - start < 2


def test_what_waits_is_stopped_by_the_clock() -> None:
    def wait() -> None:
        with time_limit(0.1):
            time.sleep(20)

    start = time.monotonic()
    with pytest.raises(StillRunning):
        wait()
    assert time.monotonic() - start < 10


def test_a_child_answers_prints_and_dies() -> None:
    def serve(question: str) -> object:
        if question == "tensor":
            return {"x": torch.arange(3), "y": [1.5, None, "words"]}
        if question == "print":
            print("x" * 200_000)
            return "printed"
        raise RuntimeError

    child = Child(lambda: serve)
    answer = child.ask("tensor", 10)
    assert torch.equal(answer["x"], torch.arange(3))
    assert answer["y"] == [1.5, None, "words"]
    assert child.ask("print", 10) == "printed"
    assert len(child.printed()) < 50_000
    assert isinstance(child.ask("nonsense", 10), NoAnswer)
    assert isinstance(child.ask("tensor", 10), NoAnswer)
    child.close()


def test_what_a_block_changes_for_everybody_is_put_back_and_named() -> None:
    def change() -> None:
        with kept("your function"):
            torch.set_default_dtype(torch.float64)
            torch.allclose = lambda *_: True

    before = torch.allclose
    with pytest.raises(Wrong, match=r"changes PyTorch's default number type, torch\.allclose for everybody"):
        change()
    assert torch.get_default_dtype() == torch.float32
    assert torch.allclose is before
