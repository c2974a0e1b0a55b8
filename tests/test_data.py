import gzip
import json
from pathlib import Path

import pytest
import torch

from cdm_tutor.data import ASSETS, CLASS_NAMES, SAMPLES_PER_CLASS, from_pixels, load_full, load_sample
from cdm_tutor.plots import to_pixels

names = pytest.mark.parametrize("name", sorted(CLASS_NAMES))


def write_idx(folder: Path, name: str, n: int = 60000) -> Path:
    """A training set in torchvision's layout; as many images as the real one, but all of them grey ramps."""
    raw = folder / {"mnist": "MNIST", "fashion": "FashionMNIST"}[name] / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", n), ("t10k", n // 6)):
        images = bytes([0, 0, 8, 3]) + b"".join(k.to_bytes(4, "big") for k in (count, 28, 28))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images + bytes(range(28)) * 28 * count)
        labels = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big")
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels + bytes(k % 10 for k in range(count)))
    return raw


@names
def test_sample_is_ten_thousand_real_images(name: str) -> None:
    images = load_sample(name)
    assert images.x0.shape == (10 * SAMPLES_PER_CLASS, 1, 28, 28)
    assert images.x0.dtype == torch.float32
    assert [extreme.item() for extreme in images.x0.aminmax()] == [-1, 1]
    assert torch.bincount(images.labels).tolist() == [SAMPLES_PER_CLASS] * 10
    assert len(images.x0.flatten(1).unique(dim=0)) > 9900  # no image stands in for another


def test_sample_classes_look_like_their_names() -> None:
    """Trousers are narrower than pullovers, ones have less ink than zeros: the labels fit the sheets."""
    digits, clothes = load_sample("mnist"), load_sample("fashion")
    ink = [digits.x0[digits.labels == c].mean().item() for c in range(10)]
    assert ink[1] == min(ink)
    assert ink[0] == max(ink)
    left = [clothes.x0[clothes.labels == c][..., :7].mean().item() for c in range(10)]
    assert left[CLASS_NAMES["fashion"].index("trouser")] < left[CLASS_NAMES["fashion"].index("pullover")] - 0.3


@names
def test_what_is_shipped_is_as_good_as_it_must_be(name: str) -> None:
    accuracy = json.loads((ASSETS / f"{name}-classifier.json").read_text())["test_accuracy"]
    assert accuracy >= {"mnist": 0.99, "fashion": 0.91}[name]


def test_pixels_go_out_as_they_came_in() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)[: 28 * 9].reshape(1, 9, 28)
    assert torch.equal(to_pixels(from_pixels(pixels)), pixels[:, None])
    assert from_pixels(torch.tensor([[[0, 255]]], dtype=torch.uint8)).flatten().tolist() == [-1, 1]


def test_full_set_is_read_from_torchvisions_layout(tmp_path: Path) -> None:
    write_idx(tmp_path, "mnist")
    images = load_full("mnist", tmp_path)
    assert images.x0.shape == (60000, 1, 28, 28)
    assert images.x0[7, 0, 3, 5].item() == pytest.approx(5 / 127.5 - 1)
    assert images.labels[:12].tolist() == [*range(10), 0, 1]
    assert len(load_full("mnist", tmp_path, train=False)) == 10000


def test_missing_folder_half_a_download_and_damage_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no fashion images in .*FashionMNIST"):
        load_full("fashion", tmp_path)
    raw = write_idx(tmp_path, "fashion")
    images = raw / "train-images-idx3-ubyte"
    whole = images.read_bytes()

    images.unlink()
    with pytest.raises(FileNotFoundError, match=r"incomplete fashion images in .* missing train-images-idx3-ubyte"):
        load_full("fashion", tmp_path)
    for damaged in (whole[:1000], b"\x1f\x8b" + whole[2:], b"", b"<html>not found</html>", gzip.compress(whole[:5000])):
        images.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged fashion file"):
            load_full("fashion", tmp_path)


def test_short_set_is_damage_too(tmp_path: Path) -> None:
    write_idx(tmp_path, "mnist", n=600)
    with pytest.raises(ValueError, match="expected 60000 images, got \\(600, 28, 28\\)"):
        load_full("mnist", tmp_path)


def test_files_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    raw = write_idx(tmp_path, "mnist")
    with (raw / "train-labels-idx1-ubyte").open("ab") as file:
        file.truncate(5 * 10**9)
    with pytest.raises(
        ValueError, match=r"damaged mnist file .* train-labels-idx1-ubyte is larger than any of the set"
    ):
        load_full("mnist", tmp_path)


def test_labels_that_name_no_class_are_damage(tmp_path: Path) -> None:
    raw = write_idx(tmp_path, "fashion")
    labels = raw / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([10]))
    with pytest.raises(ValueError, match=r"damaged fashion files in .*: expected labels from 0 to 9"):
        load_full("fashion", tmp_path)


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    for load in (load_sample, lambda name: load_full(name, tmp_path)):
        with pytest.raises(ValueError, match="unknown data set 'cifar': expected one of mnist, fashion"):
            load("cifar")


def test_licences_lie_beside_the_images() -> None:
    terms = (ASSETS / "README.md").read_text()
    assert all(path.name.split("-")[0].split(".")[0] in terms for path in ASSETS.glob("*.png"))
    assert "Zalando" in terms
    assert "CC BY-SA" in terms
