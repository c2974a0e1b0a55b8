"""Samples of one's own images: measured in features made on the spot, and diagnosed without a classifier."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cdm_tutor import own_yardstick
from cdm_tutor.card import Build, ModelCard
from cdm_tutor.checkpoint import Trained, save_weights
from cdm_tutor.course.own_looks import judge_own, measure_own, report_own
from cdm_tutor.data import Images, load_sample
from cdm_tutor.metrics import frechet, nearest_distances
from cdm_tutor.own_yardstick import FILE, Features, OwnReport, OwnYardstick, load_or_train, split, train_features

NAMES = ("disc", "square", "stripes")
Tutor = Callable[..., tuple[int, str, str]]


def shapes(n: int, seed: int, channels: int = 3, side: int = 32) -> Images:
    """Discs, squares and stripes in all colours, of all sizes and anywhere: as many as one likes, none twice."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*size: int) -> Tensor:
        return torch.rand(n, *size, 1, 1, generator=generator)

    labels = torch.randint(len(NAMES), (n,), generator=generator)
    line = torch.linspace(0, 1, side)
    dx, dy = line - 0.3 - 0.4 * draw(1), line[:, None] - 0.3 - 0.4 * draw(1)
    size = 0.1 + 0.2 * draw(1)
    disc, square = dx**2 + dy**2 < size**2, torch.maximum(dx.abs(), dy.abs()) < size
    inside = torch.cat([disc, square, (dx + dy) % (2 * size) < size], dim=1)
    inside = inside[torch.arange(n), labels][:, None]
    return Images(torch.where(inside, 2 * draw(channels) - 1, 0.6 * draw(channels) - 1), labels, NAMES, "shapes")


def without_classes(images: Images) -> Images:
    return Images(images.x0, torch.zeros_like(images.labels), (), images.name)


def noisy(x0: Tensor, scale: float) -> Tensor:
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(9))
    return (x0 + scale * noise).clamp(-1, 1)


@pytest.fixture(scope="module", params=["classes", "none"])
def measured(request: pytest.FixtureRequest) -> OwnYardstick:
    images = shapes(400, seed=0)
    images = images if request.param == "classes" else without_classes(images)
    return OwnYardstick(images, train_features(images))


def test_real_images_are_at_the_floor_and_worse_ones_are_further(measured: OwnYardstick) -> None:
    others = shapes(300, seed=1)
    real = measured.report(others.x0)
    assert (real.n, real.compared, real.data) == (300, 100, "shapes")
    assert real.distance < 1.5 * real.distance_floor
    assert abs(real.precision - real.precision_floor) < 0.1
    assert abs(real.recall - real.recall_floor) < 0.1
    grainy, noise = (measured.report(noisy(others.x0, scale)) for scale in (0.5, 100))
    assert real.distance < grainy.distance < noise.distance > 5 * real.distance_floor
    if measured.images.names:  # what learned to redraw images may take noise for a plain grey
        assert noise.precision < 0.6 * real.precision
    one = measured.report(others.x0[others.labels == 0])
    assert one.distance > 1.4 * one.distance_floor
    assert one.recall < one.recall_floor - 0.1
    assert not any("copies:" in line for line in real.lines(measured.images.names))


def test_copies_are_seen(measured: OwnYardstick) -> None:
    report = measured.report(noisy(measured.images.x0[:100], 0.05))
    assert report.nearest < 0.5 * report.nearest_floor
    assert report.copies > 0.9 > 0.2 > report.copies_floor
    assert "of the samples are copies: far nearer to a training image" in report.lines(NAMES)[-1]


def test_classes_are_counted_and_agree(measured: OwnYardstick) -> None:
    others = shapes(200, seed=2)
    if not measured.images.names:
        assert measured.report(others.x0).histogram == ()
        with pytest.raises(ValueError, match="a label of 0 classes"):
            measured.report(others.x0, others.labels)
        return
    report = measured.report(others.x0, others.labels)
    assert sum(report.histogram) == pytest.approx(1)
    assert report.agreement == pytest.approx(report.agreement_floor, abs=0.1)
    assert set(report.agreements) == {0, 1, 2}
    wrong = measured.report(others.x0, (others.labels + 1) % 3)
    assert (wrong.agreement or 0) < 0.2 < 0.8 < (report.agreement or 0)
    assert measured.report(others.x0[others.labels == 1]).histogram[1] > 0.8


def test_what_is_printed_names_its_features(measured: OwnYardstick) -> None:
    report = measured.report(shapes(60, seed=3).x0)
    lines = report.lines(measured.images.names)
    assert "a small network that half of your images taught (shapes)" in lines[0]
    assert "compare with nothing outside" in lines[1]
    assert any(line.startswith("classes ") for line in lines) == bool(measured.images.names)
    assert any(line.startswith("Without classes") for line in lines) != bool(measured.images.names)
    assert lines[-1].startswith("Of 60 images these figures are rough")


def test_many_classes_fit_into_a_line() -> None:
    names, share = tuple(f"class {number}" for number in range(100)), tuple(0.01 for _ in range(100))
    report = OwnReport(
        "many", 500, 500, 9, 1, 0.5, 0.9, 0.5, 0.9, 0.2, 0.2, 0, 0, share, share, 0.01, dict(enumerate(share)), 0.9
    )
    lines = report.lines(names)
    assert sum(line.endswith(", and 90 more") for line in lines) == 2
    assert max(map(len, lines)) < 400


def test_samples_that_cannot_be_measured_are_refused(measured: OwnYardstick) -> None:
    for samples, message in (
        (torch.zeros(1, 3, 32, 32), "at least 2 samples"),
        (torch.zeros(5, 1, 32, 32), r"expected samples of shape \(3, 32, 32\), as the images, got \(1, 32, 32\)"),
        (torch.full((5, 3, 32, 32), torch.nan), "finite"),
    ):
        with pytest.raises(ValueError, match=message):
            measured.report(samples)
    with pytest.raises(ValueError, match="for each of 5 samples a label"):
        measured.report(torch.zeros(5, 3, 32, 32), torch.zeros(4, dtype=torch.int64))


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_yardstick, "LEAST_STEPS", 3)
    monkeypatch.setattr(own_yardstick, "MOST_STEPS", 3)


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 28), (1, 65), (3, 200)])
def test_any_side_and_few_images(channels: int, side: int) -> None:
    for images in (shapes(16, 0, channels, side), without_classes(shapes(17, 0, channels, side))):
        report = OwnYardstick(images, train_features(images)).report(shapes(5, 1, channels, side).x0)
        assert report.compared == 4
        assert report.distance >= 0
    alike = Images(torch.zeros(20, channels, side, side), torch.zeros(20, dtype=torch.int64))
    assert OwnYardstick(alike, train_features(alike)).report(alike.x0[:5]).copies == 0


def test_fewer_than_16_images_are_refused() -> None:
    images = shapes(15, 0)
    for measure in (train_features, lambda images: OwnYardstick(images, Features(3, 32, 3))):
        with pytest.raises(ValueError, match="expected at least 16 images to measure samples with, got 15"):
            measure(images)


def test_halves_share_no_image() -> None:
    teaching, unseen = split(101)
    assert (len(teaching), len(unseen)) == (50, 51)
    assert torch.cat([teaching, unseen]).sort().values.equal(torch.arange(101))


@pytest.mark.usefixtures("few_steps")
def test_a_seed_makes_the_same_network_and_leaves_chance_alone() -> None:
    images = shapes(40, 0)
    told: list[tuple[int, int]] = []
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    def train(seed: int) -> Features:
        return train_features(images, seed, lambda step, steps: told.append((step, steps)))

    one, same, other = train(1), train(1), train(2)
    assert torch.rand(3).equal(expected)
    assert told == [(1, 3), (2, 3), (3, 3)] * 3
    assert all(a.equal(b) for a, b in zip(one.state_dict().values(), same.state_dict().values(), strict=True))
    assert not one(images.x0).equal(other(images.x0))


@pytest.mark.usefixtures("few_steps")
def test_a_network_is_kept_and_used_again(tmp_path: Path) -> None:
    images = shapes(40, 0)
    told: list[int] = []

    def load(images: Images) -> Tensor:
        told.clear()
        return load_or_train(images, tmp_path, on_step=lambda step, _: told.append(step))(images.x0[:2])

    first = load(images)
    assert told
    torch.testing.assert_close(load(images), first, rtol=0, atol=0)
    assert not told
    for others in (shapes(40, 1), without_classes(images), Images(images.x0, images.labels.flip(0), NAMES)):
        load(others)
        assert told
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.usefixtures("few_steps")
def test_a_damaged_network_is_made_anew(tmp_path: Path) -> None:
    images, path = shapes(40, 0), tmp_path / FILE
    first = load_or_train(images, tmp_path)(images.x0)
    whole = path.read_bytes()
    for damaged in (whole[:-100], b"", b"text", whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match=f"{FILE}.* (damaged|written)"):
            again = load_or_train(images, tmp_path)(images.x0)
        torch.testing.assert_close(again, first, rtol=0, atol=0)
        torch.testing.assert_close(load_or_train(images, tmp_path)(images.x0), first, rtol=0, atol=0)


@pytest.mark.usefixtures("few_steps")
def test_what_cannot_be_kept_is_used_all_the_same(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="could not write"):
        load_or_train(shapes(40, 0), tmp_path / "nowhere")


def test_frechet_distance_by_hand() -> None:
    """Of features with the same spread it is the square of how far apart their means are."""
    features = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert frechet(features + 3, features) == pytest.approx(8 * 9, rel=1e-4)
    assert frechet(2 * features, features) > 1 > frechet(features, features) == pytest.approx(0, abs=1e-4)


def test_nearest_of_real_images_is_another_one() -> None:
    real = torch.tensor([0.0, 1.0, 3.0])[:, None, None, None].expand(3, 1, 2, 2)
    assert nearest_distances(real, real, nth=2).tolist() == [1, 1, 2]


# diagnosed without a classifier


def planted(kind: str, real: Tensor) -> Tensor:
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    return {
        "noise": noise,
        "grain": noisy(real, 0.3),
        "out of range": 3 * real,
        "nearly black": -1 + 0.18 * (real + 1),
        "nearly white": 1 + 0.18 * (real - 1),
        "single colour": torch.zeros_like(real) + real[:, :, :1, :1],
        "All alike": real[:1] + 0.02 * noise,
        "twin": (real[:8].repeat(len(real) // 8, 1, 1, 1) + 0.02 * noise).clamp(-1, 1),
        "not finite": real.where(noise < 3, torch.nan),
    }[kind]


PLANTED = {
    "noise": "noise", "grain": "grain", "out of range": "blotches", "nearly black": "empty",
    "nearly white": "blotches", "single colour": "empty", "All alike": "alike", "twin": "alike", "not finite": "empty",
}  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", PLANTED)
def test_planted_symptom_is_said(kind: str, channels: int) -> None:
    said = report_own(planted(kind, shapes(64, 4, channels).x0))
    assert f"clinic.html#{PLANTED[kind]}" in said
    assert kind.lower() in said.lower()
    assert "this is all that can be told" in said


@pytest.mark.parametrize("side", [8, 28, 64])
def test_real_images_have_nothing_wrong(side: int) -> None:
    for x0 in (shapes(64, 4, 3, side).x0, -load_sample("mnist").x0[::200], load_sample("fashion").x0[::200]):
        assert judge_own(measure_own(x0), side) == []
    assert "Nothing wrong to see." in report_own(shapes(1, 4, 3, side).x0)


def weights(path: Path, card: ModelCard, constant: bool = False) -> Path:
    """Of a network that knows nothing, or, if it is to be constant, answers 0 to everything."""
    torch.manual_seed(0)
    network = card.make_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0) if constant else parameter.normal_(0, 0.5)
    save_weights(path, Trained(network, card))
    return path


@pytest.mark.parametrize("classes", [False, True])
def test_weights_of_colour_images_are_diagnosed(classes: bool, tmp_path: Path, tutor: Tutor) -> None:
    card = ModelCard("shapes", "v", classes=classes, build=Build(16, 3, (8, 16), (1, 1)), names=NAMES)
    code, said, error = tutor("diagnose", weights(tmp_path / "model.safetensors", card), "-n", 16)
    assert (code, error) == (0, "")
    assert "Nothing but noise" in said
    assert "this is all that can be told" in said
    assert "Asked for each class" not in said


def test_constant_network_draws_nothing(tmp_path: Path, tutor: Tutor) -> None:
    card = ModelCard("shapes", "v", stage="consistency", build=Build(16, 1, (8, 16), (1, 1)))
    code, said, error = tutor("diagnose", weights(tmp_path / "model.safetensors", card, constant=True), "-n", 8)
    assert (code, error) == (0, "")
    assert "single colour" in said
    assert "this is all that can be told" in said
