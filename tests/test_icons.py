"""The icons to try out a folder of your own images with."""

import sys
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font
from PIL import Image

from cdm_tutor import icons


def pixels(name: str, seed: int) -> np.ndarray:
    return np.array(icons.draw_icon(name, 32, Random(seed)), dtype=int)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def test_each_class_has_a_folder_of_colour_images(tmp_path: Path) -> None:
    written = list(icons.make_icons(tmp_path / "icons", n=2, size=24))
    assert len(written) == 2 * len(icons.ICONS)
    found = files(tmp_path / "icons")
    assert list(found) == [f"{name}/{i:05d}.png" for name in icons.ICONS for i in range(2)]
    for path in found:
        with Image.open(tmp_path / "icons" / path) as image:
            assert (image.mode, image.size) == ("RGB", (24, 24))


def test_same_seed_same_images_however_many(tmp_path: Path) -> None:
    for folder, n, seed in (("few", 1, 3), ("more", 2, 3), ("other", 1, 4)):
        list(icons.make_icons(tmp_path / folder, n, seed=seed))
    few, more, other = (files(tmp_path / folder) for folder in ("few", "more", "other"))
    assert few.items() < more.items()
    assert len(set(more.values())) == len(more)
    assert not set(few.values()) & set(other.values())


def test_font_has_each_symbol() -> None:
    known = FT2Font(str(icons.FONT)).get_charmap()
    assert all(ord(letter) in known for letter in icons.ICONS.values())
    assert (icons.FONT.parent / "LICENSE_DEJAVU").is_file()


def test_classes_differ() -> None:
    shapes = {name: np.array(icons.symbol(name, 64).resize((32, 32)), dtype=float) for name in icons.ICONS}
    for one, other in combinations(icons.ICONS, 2):
        assert abs(shapes[one] - shapes[other]).mean() > 30, (one, other)


@pytest.mark.parametrize("name", icons.ICONS)
def test_icon_is_whole_and_stands_on_a_plain_ground(name: str) -> None:
    for seed in range(20):
        image = pixels(name, seed)
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert (edge == edge[0]).all()
        inked = (image != edge[0]).any(axis=2)
        assert 0.04 < inked.mean() < 0.75


def test_colours_are_seen_on_their_ground() -> None:
    drawn = [icons.draw_colours(Random(seed)) for seed in range(200)]
    assert min(icons.contrast(*pair) for pair in drawn) >= icons.LEAST_CONTRAST
    pale = [icons.luminance(ground) > 0.5 for ground, _ in drawn]
    assert 60 < sum(pale) < 140
    assert icons.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "is not empty"), (["--n", "0"], "at least 1 image"), (["--size", "4"], "8 to 512 pixels")],
)
def test_refuses_in_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["icons", str(tmp_path), *arguments])
    with pytest.raises(SystemExit) as end:
        icons.main()
    error = capsys.readouterr().err
    assert (end.value.code, error.count("\n")) == (2, 1)
    assert said in error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_says_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["icons", str(tmp_path / "mine"), "--n", "1"])
    icons.main()
    assert f"Wrote {len(icons.ICONS)} icons" in capsys.readouterr().out
