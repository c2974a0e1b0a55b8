"""The clinic: every known mistake was run and is shown, and images by themselves lead to the right symptom."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
import torch
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import shipped_weights
from cdm_tutor.course import verdict
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.looks import Measurer, read_images
from cdm_tutor.course.mistakes import all_mistakes, mistakes_of, place_of, scenes_of
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.page import escaped
from cdm_tutor.course.scenes import Sampled
from cdm_tutor.course.symptoms import EMPTY, GROUPS, HEALTHY, find_group, groups_of, mistakes_with
from cdm_tutor.course.verdict import judge, judge_losses, read_losses
from cdm_tutor.pages import address
from cdm_tutor.plots import save_grid
from workshop.clinic import make, pages, runs
from workshop.clinic.scenes import CODE, RUNNERS
from workshop.clinic.words import how

ROOT = Path(__file__).parent.parent
MISTAKES = all_mistakes()
Tutor = Callable[..., tuple[int, str, str]]


def test_one_mistake_is_run_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cheap one, from nothing: into a folder of its own."""
    monkeypatch.setattr(make, "PICTURES", tmp_path / "pictures")
    monkeypatch.setattr(make, "SEEN", tmp_path / "seen.json")
    monkeypatch.setattr(runs, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(make, "scenes_of", lambda _: (Sampled(steps=2, n=8),))
    many, few = make.make(*MISTAKES["clipped-at-black-grey"])
    facts = make.read_seen()["clipped-at-black-grey"]
    assert facts["caught by"].startswith("test_denoise")
    assert facts["scenes"][0]["looks"]["black"] > 0.4 > 0.1 > facts["scenes"][0]["right looks"]["black"]
    assert many.stat().st_size < 12_000
    assert few.exists()
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_what_was_seen_is_of_the_mistakes_and_tests_that_there_are() -> None:
    seen = make.read_seen()
    assert list(seen) == list(MISTAKES)
    for name, (lesson, _) in MISTAKES.items():
        tests = (ROOT / "lessons" / lesson.number / f"test_{lesson.module}.py").read_text(encoding="utf-8")
        assert f"def {seen[name]['caught by']}(" in tests, name
        drawn = any(scene["rows"] for scene in seen[name]["scenes"])
        assert [path.exists() for path in (make.PICTURES / f"{name}.webp", make.PICTURES / "few" / f"{name}.webp")] == [
            drawn
        ] * 2


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_every_mistake_has_an_entry_and_a_group(lesson: Lesson) -> None:
    seen = make.read_seen()
    entries = pages.lesson_part(lesson).split("\n### ")[1:]
    assert len(entries) == len(mistakes_of(lesson))
    for mistake in mistakes_of(lesson):
        entry = next(text for text in entries if f"{{ #{mistake.name} " in text)
        assert (f"pictures/clinic/{mistake.name}.webp" in entry) == any(s["rows"] for s in seen[mistake.name]["scenes"])
        assert "```diff" in entry
        assert escaped(mistake.concept) in entry
        assert f"Caught by `{seen[mistake.name]['caught by']}`" in entry
        groups = groups_of(mistake)
        assert groups, mistake.name
        assert sum(group.in_images for group in groups) <= 1, mistake.name


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_records_name_what_there_is(lesson: Lesson) -> None:
    for mistake in mistakes_of(lesson):
        assert len(groups_of(mistake)) == len(mistake.symptoms), mistake.name
        scenes = scenes_of(mistake)
        assert all(type(scene) in RUNNERS.keys() & CODE.keys() and how(scene) for scene in scenes)
        if mistake.stays_after_training:
            assert len(scenes) == 2, mistake.name
            assert any(group.in_images for group in groups_of(mistake)), mistake.name


def test_a_group_begins_with_its_typical_mistake() -> None:
    assert all(mistakes_with(group)[0].name == group.typical for group in GROUPS)
    assert len({group.name for group in GROUPS} | MISTAKES.keys()) == len(GROUPS) + len(MISTAKES)
    assert place_of("cosine-not-squared") == "clinic/01.html#cosine-not-squared"
    with pytest.raises(ValueError, match="no mistake is called"):
        place_of("cosine")


def test_pictures_are_small() -> None:
    sizes = [path.stat().st_size for path in (ROOT / "docs" / "pictures" / "clinic").rglob("*.webp")]
    assert sum(sizes) < 6_000 * len(sizes)
    assert max(sizes) < 26_000  # those of two scenes, in noise


# --- from images to the symptom --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> Measurer:
    return Measurer("mnist")


def planted(kind: str, real: Tensor) -> Tensor:
    """64 images with something wrong."""
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    return {
        "noise": noise,
        "white": 0.85 + 0.2 * noise,
        "grain": real + 0.3 * noise,
        "grey ground": real.clamp(min=0),
        "all the same": real[:1] + 0.02 * noise,
        "no number": real.where(noise < 3, torch.nan),
        "flat": torch.zeros_like(real),
    }[kind]


PLANTED = {
    "noise": "noise", "white": "blotches", "grain": "grain", "grey ground": "grey", "all the same": "alike",
    "no number": EMPTY, "flat": EMPTY,
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_symptom_is_named(kind: str, digits: Measurer) -> None:
    assert judge(planted(kind, digits.real[5000:5064]), digits).group.name == PLANTED[kind]


@pytest.mark.parametrize("n", [4, 16, 64])
def test_real_images_are_healthy(n: int, digits: Measurer) -> None:
    assert judge(digits.real[5000 : 5000 + n], digits).group.name == HEALTHY


def test_clothes_are_healthy_and_noise_is_not() -> None:
    clothes = Measurer("fashion")
    assert judge(clothes.real[5000:5064], clothes).group.name == HEALTHY
    assert judge(planted("noise", clothes.real[5000:5064]), clothes).group.name == "noise"


@pytest.mark.parametrize(("n", "columns", "zoom"), [(1, 8, 1), (5, 8, 2), (10, 8, 3), (64, 8, 2), (12, 5, 1)])
def test_grids_are_read_as_they_were_written(n: int, columns: int, zoom: int, digits: Measurer, tmp_path: Path) -> None:
    save_grid(tmp_path / "grid.png", digits.real[:n], columns, zoom)
    torch.testing.assert_close(read_images(tmp_path / "grid.png"), digits.real[:n])
    torch.testing.assert_close(read_images(tmp_path), digits.real[:n])


def test_single_images_and_grids_without_gaps_are_read(digits: Measurer, tmp_path: Path) -> None:
    from PIL import Image

    pixels = ((digits.real[:6, 0] + 1) * 127.5).round().byte()
    for number, image in enumerate(pixels):
        Image.fromarray(image.numpy()).save(tmp_path / f"{number}.png")
    torch.testing.assert_close(read_images(tmp_path), digits.real[:6])
    Image.fromarray(torch.cat(list(pixels), dim=1).numpy()).convert("RGB").save(tmp_path / "row.png")
    torch.testing.assert_close(read_images(tmp_path / "row.png"), digits.real[:6])


def test_diagnose_a_grid(digits: Measurer, tmp_path: Path, tutor: Tutor) -> None:
    save_grid(tmp_path / "bad.png", planted("grain", digits.real[5000:5064]))
    code, said, _ = tutor("diagnose", tmp_path / "bad.png")
    assert code == 0
    assert f"Most like: {find_group('grain').title}." in said
    assert f"All with this symptom: {address('clinic.html#grain')}" in said
    named = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert named
    assert all(address(place_of(line.split("#")[1])) == line for line in named)


def test_diagnose_weights(tutor: Tutor) -> None:
    code, said, _ = tutor("diagnose", shipped_weights("fashion"), "-n", 16)
    assert (code, "Looks healthy: " in said) == (0, True), said


def test_diagnose_says_what_it_cannot_read(tmp_path: Path, tutor: Tutor) -> None:
    (tmp_path / "text.png").write_text("no picture")
    save_grid(tmp_path / "odd.png", torch.zeros(4, 1, 20, 20))
    (tmp_path / "empty").mkdir()
    for what, message in {
        "nothing.png": "no PNG at",
        "nothing.safetensors": "no weights at",
        "text.png": "is no picture that can be read",
        "odd.png": "expected images of 28 x 28, or a grid of them",
        "empty": "no PNG at",
    }.items():
        code, _, error = tutor("diagnose", tmp_path / what)
        assert (code, message in error, error.count("\n")) == (2, True, 1), error
    code, _, error = tutor("diagnose", shipped_weights("mnist", "refiner"))
    assert (code, "is a refiner, which draws nothing by itself" in error) == (2, True)


def test_losses(tmp_path: Path) -> None:
    falls = [0.15 + 0.85 * 0.98**step for step in range(400)]
    assert judge_losses(falls) == ""
    assert judge_losses([1.0] * 400) == "loss-stays"
    assert judge_losses([*falls[:300], *([0.2, 1.4] * 50)]) == "loss-jumps"
    assert judge_losses([*falls, float("nan")]) == EMPTY
    log = tmp_path / "log.jsonl"
    log.write_text('{"loss": 0.5}\n{"loss": NaN}\n')
    assert len(read_losses(log)) == 2
    log.write_text("what?\n")
    with pytest.raises(ValueError, match=r"log.jsonl is damaged"):
        read_losses(log)


class Words(HTMLParser):
    """The words of a page, without its marks."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(markdown_text: str) -> str:
    """What a reader of the site sees of a text."""
    extensions = ["attr_list", "md_in_html", "tables", "pymdownx.arithmatex", "pymdownx.superfences"]
    words = Words()
    words.feed(markdown.markdown(markdown_text, extensions=extensions))
    return " ".join(words.text.split())


def test_no_sign_of_a_text_is_lost_on_the_site() -> None:
    """Underscores are no emphasis, square brackets no links, dollars no formulas."""
    texts = [hint for lesson in LESSONS for exercise in lesson.exercises for hint in exercise.hints]
    for lesson in LESSONS:
        texts += [text for each in mistakes_of(lesson) for text in (each.title, each.symptom, each.concept)]
    texts += [text for group in GROUPS for text in (group.title, group.look)]
    texts += ["_a_ and *b* and `c` and [d](e) and $f$ and <g> and {h} & __init__ and a ~ b ^ c | # d"]
    for text in texts:
        assert shown(f"Text: {escaped(text)}") == f"Text: {' '.join(text.split())}"


def test_a_run_that_was_brief_or_learned_nothing_is_told_so() -> None:
    """Tried: right runs of 50 to 400 steps of 64 images draw noise or strokes, one of 800 steps draws digits."""
    brief, long = (ModelCard("mnist", training={"images": 64 * steps}) for steps in (400, 800))
    falling = [0.1 + 0.9 / (1 + step) for step in range(800)]
    assert verdict.too_soon(falling[:400], brief).startswith("Trained too briefly to tell: 25,600 images seen.")
    assert verdict.too_soon([], brief).startswith("Trained too briefly to tell: 25,600 images seen.")
    still = [1 + 0.02 * (-1) ** step for step in range(200)]
    assert verdict.too_soon(still, brief).startswith("Has learned nothing: the loss was 1 and is 1 after 200 steps")
    assert not verdict.too_soon(falling, long)
    assert not verdict.too_soon([], None)
    assert not verdict.too_soon([float("nan")] * 200, brief)
