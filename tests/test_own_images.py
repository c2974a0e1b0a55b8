"""Your own images: pictures of all kinds become squares, and what cannot be read is named."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cdm_tutor import own_images
from cdm_tutor.card import Build, ModelCard, shifted, usual_build, usual_shift
from cdm_tutor.checkpoint import Trained, load_weights, save_weights
from cdm_tutor.data import Images, check_images, load_sample
from cdm_tutor.own_images import Wanted, card_of, read_own, side_that_fits, warning_of_copies
from cdm_tutor.plots import grid
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from tests.processes import Started

Folder = Callable[..., Path]
RED, GREEN = (250, 10, 10), (10, 250, 10)
FAST = ("--steps", "2", "--batch", "4")


def picture(path: Path, size: tuple[int, int] = (32, 32), colour: object = RED, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Two classes, four pictures each."""
    for number in range(4):
        picture(tmp_path / "two colours" / "red ones" / f"{number}.png", colour=(200 + number, 10, 10))
        picture(tmp_path / "two colours" / "vert é" / f"{number}.jpg", colour=(10, 200 + number, 10))
    return tmp_path / "two colours"


def read(folder: Path, **wanted: object) -> tuple[Images, list[str]]:
    said: list[str] = []
    return read_own(str(folder), Wanted(**wanted), tell=said.append), said  # type: ignore[arg-type]


def test_folders_are_classes(colours: Path) -> None:
    images, said = read(colours)
    assert images.x0.shape == (8, 3, 32, 32)
    assert images.names == ("red ones", "vert é")
    assert images.labels.tolist() == [0] * 4 + [1] * 4
    assert images.name == "two colours"
    assert said == [f"Read 8 colour images of 32 x 32 in 2 classes from {colours}."]
    assert images.x0[0, :, 0, 0].tolist() == pytest.approx([2 * c / 255 - 1 for c in (200, 10, 10)])


def test_a_flat_folder_has_no_classes(colours: Path) -> None:
    images, _ = read(colours / "red ones")
    assert (len(images), images.names) == (4, ())


MODES = {
    "grey": lambda: Image.new("L", (32, 32), 128),
    "16 bits": lambda: Image.fromarray(np.full((32, 32), 128 * 257, dtype=np.uint16)),
    "palette": lambda: Image.new("RGB", (32, 32), (128,) * 3).quantize(4),
    "grey with alpha": lambda: Image.new("LA", (32, 32), (128, 255)),
    "half transparent": lambda: Image.new("RGBA", (32, 32), (1, 1, 1, 128)),
    "black and white": lambda: Image.fromarray(np.indices((32, 32)).sum(0) % 2 == 0).resize((128, 128)).convert("1"),
}


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_every_mode_are_read(mode: str, tmp_path: Path) -> None:
    for number in range(2):
        MODES[mode]().save(tmp_path / f"{number}.png")
    images, _ = read(tmp_path, side=32)
    assert images.x0.shape == (2, 1, 32, 32)
    assert images.x0.mean().item() == pytest.approx(128 / 127.5 - 1, abs=0.03)


def test_cmyk_and_gif_and_webp_are_read(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), RED).convert("CMYK").save(tmp_path / "a.jpg")
    Image.new("RGB", (32, 32), RED).save(tmp_path / "b.webp", lossless=True)
    Image.new("RGB", (32, 32), RED).save(tmp_path / "c.GIF", save_all=True, append_images=[Image.new("RGB", (32, 32))])
    images, said = read(tmp_path)
    assert len(said) == 1
    for image in images.x0:
        assert image.mean(dim=(1, 2)).tolist() == pytest.approx([2 * c / 255 - 1 for c in RED], abs=0.06)


def test_a_camera_held_upright_is_turned(tmp_path: Path) -> None:
    """Orientation 6: the picture lies on its side in the file; its top is on the left there."""
    pixels = np.zeros((40, 40), np.uint8)
    pixels[:, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png", exif=exif)
    images, _ = read(tmp_path, side=8)
    assert images.x0[0, 0, 0].min() > 0.9
    assert images.x0[0, 0, -1].max() < -0.9


@pytest.mark.parametrize(("squares", "left"), [("cut", RED), ("pad", GREEN)])
def test_squares_are_cut_or_padded(squares: str, left: tuple[int, ...], tmp_path: Path) -> None:
    """A red square in a wide green frame: cut, the frame's sides are gone; padded, all is there."""
    wide = Image.new("RGB", (64, 32), GREEN)
    wide.paste(RED, (16, 0, 48, 32))
    for number in range(2):
        wide.save(tmp_path / f"{number}.png")
    images, _ = read(tmp_path, side=16, squares=squares)
    assert images.x0[0, :, 8, 1].tolist() == pytest.approx([2 * c / 255 - 1 for c in left], abs=0.1)


def test_grey_or_colours_as_asked_for(colours: Path) -> None:
    assert read(colours, colour=False)[0].x0.shape[1] == 1
    assert read(colours, colour=True)[0].x0.shape[1] == 3


def test_size_that_fits() -> None:
    assert [side_that_fits([side]) for side in (5, 28, 31, 40, 1000)] == [8, 28, 28, 32, 64]


def test_broken_files_are_named_and_passed_over(colours: Path) -> None:
    (colours / "red ones" / "broken.png").write_bytes(b"no picture")
    whole = (colours / "red ones" / "0.png").read_bytes()
    (colours / "red ones" / "torn.png").write_bytes(whole[: len(whole) // 2])
    picture(colours / "beside.png")
    (colours / "notes.txt").write_text("not looked at")
    images, said = read(colours)
    assert len(images) == 8
    for name in ("broken.png", "torn.png", "beside.png"):
        assert any(line.startswith("Passed over ") and name in line for line in said), said


@pytest.mark.parametrize("what", ["empty", "one image", "no image", "nothing", "no right"])
def test_bad_folders_end_with_one_line(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "one image":
        picture(tmp_path / "a.png")
    if what == "no image":
        for number in range(3):
            (tmp_path / f"{number}.png").write_text("text")
    if what == "no right":  # root may read all: so the system is asked to say no

        def refuse(folder: Path) -> object:
            raise PermissionError(13, "Permission denied", str(folder))

        monkeypatch.setattr(Path, "iterdir", refuse)
    folder = tmp_path / "nothing" if what == "nothing" else tmp_path
    expected = {"one image": "only one image", "nothing": "no folder of images", "no right": "Permission denied"}
    with pytest.raises((ValueError, OSError), match=expected.get(what, "found no image")):
        read(folder)


def test_links_that_lead_round_are_cut(colours: Path) -> None:
    (colours / "red ones" / "round").symlink_to(colours, target_is_directory=True)
    (colours / "red ones" / "dead.png").symlink_to(colours / "nowhere.png")
    images, _ = read(colours)
    assert images.names == ("red ones", "vert é")
    assert images.labels.tolist() == [0] * 4 + [1] * 4


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux how much memory was taken")
def test_a_huge_picture_does_not_fill_the_memory(tmp_path: Path) -> None:
    for number in range(2):
        Image.new("P", (10_000, 10_000), number).save(tmp_path / f"{number}.png")
    code = (
        "import sys; from cdm_tutor.own_images import read_own, Wanted\n"
        "read_own(sys.argv[1], Wanted(side=32)); print(open('/proc/self/status').read())"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    most = re.search(r"VmHWM:\s*(\d+) kB", done.stdout)
    assert most
    assert int(most[1]) * 1024 < 1.5e9


def test_too_many_for_the_memory(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_images, "MOST_BYTES", 8 * 3 * 4 * 16**2)
    with pytest.raises(ValueError, match="try --size 16"):
        read(colours)


def test_arrays(tmp_path: Path) -> None:
    pixels = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)
    np.savez(tmp_path / "mine.npz", images=pixels, labels=[0, 2, 1, 0])
    images, _ = read(tmp_path / "mine.npz")
    assert torch.equal(images.x0[:, 0], torch.from_numpy(pixels).float() / 127.5 - 1)
    assert (images.labels.tolist(), images.names, images.name) == ([0, 2, 1, 0], ("0", "1", "2"), "mine")
    np.savez(tmp_path / "bad.npz", images=pixels.astype(float))
    (tmp_path / "torn.npz").write_bytes(b"PK")
    for name in ("bad.npz", "torn.npz"):
        with pytest.raises(ValueError, match=name):
            read(tmp_path / name)


def test_a_set_that_torchvision_knows(tmp_path: Path) -> None:
    """KMNIST's files are laid out as MNIST's."""
    raw = tmp_path / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    for half in ("train", "t10k"):
        head = np.array([0x803, 5, 28, 28], dtype=">i4").tobytes()
        (raw / f"{half}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        (raw / f"{half}-labels-idx1-ubyte").write_bytes(np.array([0x801, 5], dtype=">i4").tobytes() + bytes(range(5)))
    images = read_own("kmnist", Wanted(), tmp_path, tell=lambda line: None)
    assert torch.equal(images.x0[:, 0], torch.from_numpy(pixels).float() / 127.5 - 1)
    assert len(images.names) == 10
    with pytest.raises(FileNotFoundError, match="--data full"):
        read_own("cifar10", Wanted(), tmp_path)


def test_how_networks_are_built() -> None:
    """By the rule: halved until a side is at most 8, and never where a rest would be left."""
    assert usual_build(28, 1) == Build()
    assert usual_build(32, 1) == Build(32)
    assert usual_build(32, 3) == Build(32, 3, (64, 64), fold=4)
    assert usual_build(32, 3, fold=2) == Build(32, 3)
    assert usual_build(28, 3) == Build(28, 3)
    assert usual_build(48, 1) == Build(48, 1, (32, 64, 64), (1, 1, 2))
    assert usual_build(64, 1) == Build(64, 1, fold=4)
    assert usual_build(64, 3) == Build(64, 3, (64, 64), fold=4)
    assert usual_build(128, 3) == Build(128, 3, (64, 64, 64), (1, 1, 2), fold=4)
    assert usual_build(100, 1) == Build(100, 1)
    assert usual_build(30, 1) == Build(30, 1, (32,), (2,))
    for side in (8, 12, 16, 20, 28, 32, 36, 48, 60, 64, 100, 128, 256):
        for refiner in (False, True):
            build = usual_build(side, 3, refiner)
            card = ModelCard("mine", stage="refiner" if refiner else "unet", build=build)
            told = [] if refiner else [replace(card, classes=True, names=("a", "b"))]
            for each in (card, *told):
                network, x = each.make_network(), torch.zeros(1, *build.shape)
                assert network(x, torch.tensor([1])).shape == x.shape
                assert (network.fold, network.divisor) == (build.fold, build.divisor)


def test_schedule_of_large_images_is_shifted() -> None:
    """The log-SNR is lower by log n, so that means over n numbers are as noisy as a pixel of 28 x 28."""
    cosine = make_schedule("cosine")
    assert shifted(cosine, usual_shift(28, 1)) is cosine
    for side, channels, n in ((56, 1, 4), (28, 3, 3), (16, 1, 1)):
        lower = cosine.log_snr.double() - shifted(cosine, usual_shift(side, channels)).log_snr.double()
        assert torch.allclose(lower[:990], torch.tensor(np.log(n)), atol=2e-3)


@pytest.mark.parametrize(("side", "lower"), [(32, 0.0), (56, 2 * np.log(2))])
def test_cards_that_say_nothing_mean_what_they_meant(side: int, lower: float) -> None:
    """Above 32 x 32, 2 log k; colours did not count."""
    card = ModelCard("mine", build=usual_build(side, 3))
    found = make_schedule("cosine").log_snr.double() - card.make_schedule().log_snr.double()
    assert torch.allclose(found[:990], torch.tensor(lower, dtype=torch.float64), atol=2e-3)


def test_old_and_new_networks_of_the_same_noise_fit_each_other() -> None:
    """Where the rule of before and that of today say the same: grey images of 28 x 28, and large ones."""
    for side in (28, 64):
        build = usual_build(side, 1)
        old, new = ModelCard("mine", build=build), ModelCard("mine", build=build, shift=usual_shift(side, 1))
        assert old.shifted_by == new.shifted_by


def test_what_goes_on_is_as_what_it_began_with(colours: Path, tutor: Callable[..., object]) -> None:
    """In its noise and in how it is built, also where that was trained before the rules of today."""
    place, old = colours.name, colours.parent / "old.safetensors"
    tutor("train", colours, *FAST, "--widths", "8,8,8", "--out", colours.parent / "new")
    trained = load_weights(colours.parent / "new" / "model.safetensors")
    assert trained.card.shift == usual_shift(trained.card.built.side, 3)
    save_weights(old, Trained(trained.network, replace(trained.card, shift=None)))
    tutor("train", colours, *FAST, "--classes", "--start", old, "--out", colours.parent / f"{place}-told")
    told = load_weights(colours.parent / f"{place}-told" / "model.safetensors").card
    assert told.shift is None
    assert told.built.widths == (8, 8, 8)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ((0.0, 255.0), "divided by 127.5"),
        ((0.0, 1.0), "twice as much"),
        ((-1.0, 1.5), "from -1 to 1.5"),
        ((-1.0, 1.0), ""),
    ],
)
def test_numbers_out_of_range_are_refused(numbers: tuple[float, float], says: str) -> None:
    images = torch.linspace(*numbers, 2 * 28 * 28).view(2, 1, 28, 28)
    if not says:
        check_images(images, (1, 28, 28))
        return
    with pytest.raises(ValueError, match=says):
        check_images(images, (1, 28, 28))


def test_few_images_are_warned_of() -> None:
    assert "140 images" in warning_of_copies(140, TrainSettings(steps=50_000))
    assert not warning_of_copies(60_000, TrainSettings(steps=None, minutes=10))


def test_widths_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    images = load_sample("mnist")
    assert card_of(images, "mnist", ModelCard("mnist"), "cut").build is None
    assert card_of(images, "mnist", ModelCard("mnist"), "cut", widths="16,24").built == Build(widths=(16, 24))
    assert card_of(images, "mnist", ModelCard("mnist"), "cut", widths="40").built == Build(widths=(40,), blocks=(2,))
    for widths, says in (("a", "whole numbers"), ("12", "multiples of 8"), ("8,8,8", "divisible by 8")):
        with pytest.raises(ValueError, match=says):
            card_of(images, "mnist", ModelCard("mnist"), "cut", widths=widths)
    assert not capsys.readouterr().out


def test_the_squares_that_are_folded_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    images = load_sample("mnist")
    small = card_of(images, "mnist", ModelCard("mnist"), "cut", fold=1)
    assert small.built == Build(widths=(32, 64, 64), blocks=(1, 1, 2), fold=1)
    assert not capsys.readouterr().out
    card_of(images, "mnist", ModelCard("mnist"), "cut", widths="8", fold=4)
    assert "hold 16 numbers, but its first size has only 8 channels" in capsys.readouterr().out
    with pytest.raises(ValueError, match="a refiner folds nothing"):
        card_of(images, "mnist", ModelCard("mnist", stage="refiner"), "cut", fold=2)


def test_grids_are_in_colours() -> None:
    sheet = grid(torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(3, 3, 4, 4), columns=2, zoom=1)
    assert sheet.mode == "RGB"
    assert sheet.getpixel((3, 3)) == (255, 0, 0)


def test_digits_in_a_folder_train_the_same_network(tmp_path: Path) -> None:
    """Bit for bit, with the same seed, as the package's own digits."""
    sample = load_sample("mnist")
    pixels = ((sample.x0[:, 0] + 1) * 127.5).round().byte().numpy()
    for number, (image, label) in enumerate(zip(pixels, sample.labels.tolist(), strict=True)):
        path = tmp_path / "digits" / str(label) / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    for place in ("mnist", "digits"):
        Started("train", place, *FAST, cwd=tmp_path).finish()
    ours, theirs = (load_weights(tmp_path / "runs" / name / "model.safetensors") for name in ("mnist", "digits"))
    for one, other in zip(ours.network.state_dict().values(), theirs.network.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert theirs.card.source == os.path.realpath(tmp_path / "digits")


def test_every_command_takes_them(colours: Path) -> None:
    """Train, go on, refine, tell, sample, by several processes too; colours come out."""
    here = colours.parent

    def tutor(*arguments: str) -> str:
        return Started(*arguments, cwd=here).finish()[0]

    place = colours.name
    tutor("train", place, *FAST)
    assert "Going on" in tutor("train", place, "--resume", "--steps", "3")
    tutor("train", place, *FAST, "--stage", "refiner", "--processes", "2")
    quick = ("--minutes", "0.01")
    tutor("sharpen", place, *quick, "--samples", "64")
    tutor("train", place, *FAST, "--predict", "v", "--out", "v")
    tutor("distill", place, *quick, "--paths", "64", "--weights", "v/model.safetensors")
    tutor("sample", "--weights", f"runs/{place}-distilled/model.safetensors", "-n", "2")
    tutor("train", place, *FAST, "--classes", "--start", f"runs/{place}/model.safetensors")
    told = load_weights(here / "runs" / f"{place}-classes" / "model.safetensors")
    assert told.card.class_names == ("red ones", "vert é")
    refiner = f"runs/{place}-refiner/model.safetensors"
    tutor("sample", place, "-n", "2", "--steps", "2", "--refiner", refiner, "--processes", "2")
    tutor("sample", place, "-n", "1", "--steps", "2", "--label", "vert é,0", "--real")
    with Image.open(here / "out" / "samples.png") as samples:
        assert samples.mode == "RGB"
    tutor("sample", place, "-n", "1", "--steps", "2", "--from", f"{place}/red ones/0.png")
    tutor("sample", place, "-n", "1", "--steps", "2", "--complete", f"{place}/red ones/0.png", "--keep", "top")
    tutor("export-web", f"runs/{place}/model.safetensors")
    assert "mnist" in Started("train", "nowhere", *FAST, cwd=here).finish(2)[1]
    assert "no class 'blue'" in Started("sample", place, "--label", "blue", cwd=here).finish(2)[1]
    (here / "runs" / place).rename(here / "untold")
    tutor("sample", place, "-n", "2", "--steps", "2")  # the one that was told is left, and draws
