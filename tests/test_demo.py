"""The demo's page says what its numbers say, and the demo keeps to its time."""

import re
from pathlib import Path

import pytest

from cdm_tutor import demo_page
from cdm_tutor.demo import affordable
from cdm_tutor.demo_page import Measured, of_brevity, of_refining, of_the_loss, write_page
from cdm_tutor.generate import BATCH
from cdm_tutor.metrics import Report
from cdm_tutor.settings import ENOUGH, TrainSettings
from cdm_tutor.trainer import Step
from cdm_tutor.wording import counted


def training(losses: list[float], thirds: tuple[float | None, ...] = (0.3, 0.1, 0.2)) -> list[Step]:
    return [Step(i + 1, loss, thirds, 1e-3, 0.0, 0.0) for i, loss in enumerate(losses)]


def report(fid: float, n: int = 500) -> Report:
    return Report(n, fid, 2.5, 0.1, (0.1,) * 10, 0.9, 0.1, 0.1, 0.5, 0.5, 0.9, 0.2, 0.2)


def reports(yours: float, refined: float, n: int = 500) -> dict[str, Report]:
    kinds = {"yours": yours, "yours, refined": refined, "shipped weights": 4.0, "shipped weights, refined": 3.0}
    return {kind: report(fid, n) for kind, fid in kinds.items()}


@pytest.mark.parametrize(
    ("first", "last", "way"),
    [(1.0, 0.2, "fell, from 1.00"), (0.2, 1.0, "rose, from 0.20"), (1.0, 0.99, "hardly moved")],
)
def test_way_of_the_loss(first: float, last: float, way: str) -> None:
    said = of_the_loss(training([first] * 50 + [last] * 50))
    assert f"Its loss {way}" in said
    assert f"to {last:.2f} at the end." in said


@pytest.mark.parametrize(
    ("thirds", "said"),
    [
        ((0.3, 0.1, 0.2), "most where there is little noise, 0.30, and least halfway, 0.10."),
        ((0.1, 0.2, 0.3), "most where there is much, 0.30, and least where there is little noise, 0.10."),
        ((0.2, 0.3, 0.1), "most halfway, 0.30, and least where there is much, 0.10."),
        ((None, 0.3, 0.1), "most halfway, 0.30, and least where there is much, 0.10."),
        ((0.2, 0.2, 0.2), "about the same however much noise there was."),
    ],
)
def test_where_the_loss_is_left(thirds: tuple[float | None, ...], said: str) -> None:
    assert of_the_loss(training([1.0] * 20, thirds)).endswith(said)


def test_only_the_end_of_the_training_says_where() -> None:
    steps = training([1.0] * 100, (0.9, 0.5, 0.1)) + training([1.0] * 100, (0.1, 0.5, 0.9))
    assert "most where there is much, 0.90" in of_the_loss(steps)


def test_a_loss_of_which_only_one_part_is_known() -> None:
    assert of_the_loss(training([0.5, 0.4], (None, None, 0.3))).endswith("to 0.40 at the end.")
    assert of_the_loss(training([0.5])).startswith("Its loss hardly moved, from 0.50 at first to 0.50")


@pytest.mark.parametrize(("after", "did"), [(5.0, "helped"), (15.0, "harmed"), (10.1, "hardly changed")])
def test_what_refining_did(after: float, did: str) -> None:
    said = of_refining(reports(10.0, after))
    assert said.startswith(f"It {did} your samples: FID 10.0 before, {after:.1f} after.")
    assert said.endswith("besides, helped those of the shipped weights: FID 4.0 before, 3.0 after.")


def test_too_few_steps_are_said_to_be_too_few() -> None:
    assert "That is too few" in of_brevity(ENOUGH - 1, 1)
    assert of_brevity(ENOUGH - 1, 1).endswith("cdm-tutor demo --minutes 5.")
    assert of_brevity(ENOUGH - 1, 4).endswith("cdm-tutor demo --minutes 12.")
    assert of_brevity(ENOUGH, 1) == ""


@pytest.mark.parametrize(("minutes", "steps", "n"), [(1, 1, 32), (2.5, 900, 500)])
def test_page(minutes: float, steps: int, n: int, tmp_path: Path) -> None:
    """Numbers agree with their nouns; what was told of the code and of what is next stands there, as text."""
    told = ("your own code of lesson 01", "Next: 1 < 2 & so on")
    page = tmp_path / "index.html"
    losses = training([0.5] * steps)
    write_page(page, Measured("mnist", minutes, *told, TrainSettings(minutes=minutes), losses, reports(9, 8, n)))
    text = " ".join(page.read_text().split())
    assert "$" not in text
    assert f"a moment ago, by {told[0]}." in text
    assert "<p>Next: 1 &lt; 2 &amp; so on</p>" in text
    assert f"in {counted(steps, 'step')}, {counted(minutes, 'minute')}, to learn" in text
    assert f'alt="{min(n, 64)} samples of the network' in text
    assert ("That is too few" in text) == (steps == 1)
    assert not re.search(r"\b1 (?:minutes|steps|images|samples)\b", text)


def test_page_promises_nothing_that_it_did_not_measure() -> None:
    """Words about a result, good or bad, come from of_... functions, and are not written into the page."""
    fixed = demo_page.PAGE.read_text()
    assert not re.search(r"it helps|harm|falls|better than|will build|least halfway|\b\d+ minutes", fixed)


def test_counted() -> None:
    assert [counted(n, "image") for n in (0, 1, 2, 1200)] == ["0 images", "1 image", "2 images", "1,200 images"]
    assert [counted(n, "minute") for n in (0.5, 1.0, 2.5)] == ["0.5 minutes", "1 minute", "2.5 minutes"]


@pytest.mark.parametrize(
    ("asked", "seconds", "pace", "n"),
    [(500, 1e6, 1e-3, 500), (500, 10, 1e-3, 227), (500, -5, 1e-3, BATCH), (20, 0, 1, 20)],
)
def test_no_more_is_drawn_than_there_is_time_for(asked: int, seconds: float, pace: float, n: int) -> None:
    assert affordable(asked, seconds, pace) == n
