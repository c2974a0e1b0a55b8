import pytest
import torch

from cdm_tutor.data import CLASS_NAMES, Images, load_sample
from cdm_tutor.metrics import Yardstick, nearest_distance, precision_and_recall

N = 500


@pytest.fixture(scope="module", params=sorted(CLASS_NAMES))
def measured(request: pytest.FixtureRequest) -> tuple[Yardstick, Images]:
    data = load_sample(request.param)
    return Yardstick(request.param, data.x0), data


def test_classifier_knows_its_classes(measured: tuple[Yardstick, Images]) -> None:
    yardstick, data = measured
    found = yardstick.probabilities(yardstick.features(data.x0[::10])).argmax(dim=1)
    assert (found == data.labels[::10]).float().mean() > 0.9


def test_real_images_are_at_the_floor_and_worse_ones_are_further(measured: tuple[Yardstick, Images]) -> None:
    yardstick, data = measured
    some = data.x0[torch.randperm(len(data), generator=torch.Generator().manual_seed(5))[:N]]
    noise = torch.randn(some.shape, generator=torch.Generator().manual_seed(6))
    real = yardstick.report(some)
    assert real.n == N
    assert real.fid < 2 * real.fid_floor
    reports = [real] + [yardstick.report((some + s * noise).clamp(-1, 1)) for s in (0.1, 0.3, 1.0)]
    for distances in ([r.fid for r in reports], [r.kid for r in reports]):
        assert distances == sorted(distances)
        assert distances[-1] > 20 * abs(distances[0])
    assert sum(real.histogram) == pytest.approx(1)
    assert max(real.histogram) < 0.16
    assert real.confidence > 0.8
    assert real.precision > 0.7 > reports[-1].precision
    assert real.recall > 0.7 > 0.1 > reports[-1].recall
    assert real.unsure < real.unsure_floor + 0.03 < max(report.unsure for report in reports)


def test_fid_by_hand(measured: tuple[Yardstick, Images]) -> None:
    """Moving all features by one adds one for each of the 128, and leaves the standard deviations as they were."""
    yardstick, _ = measured
    features = yardstick.real_features.double()
    difference = yardstick.fid(features + 1) - yardstick.fid(features)
    shift = (features.mean(0) - yardstick.training_set["sum"] / yardstick.training_set["count"]).sum().item()
    assert difference == pytest.approx(128 + 2 * shift, rel=1e-3)


def test_one_class_only_is_seen(measured: tuple[Yardstick, Images]) -> None:
    yardstick, data = measured
    report = yardstick.report(data.x0[data.labels == 1][:N])
    assert report.histogram[1] > 0.9
    assert report.fid > 5 * report.fid_floor
    assert report.precision > 0.8 * report.precision_floor
    assert report.recall < 0.5 * report.precision_floor


def test_memorised_images_are_seen(measured: tuple[Yardstick, Images]) -> None:
    yardstick, _ = measured
    report = yardstick.report(yardstick.real[-N:])
    assert report.nearest < 0.01 < report.nearest_floor


def test_precision_and_recall_by_hand() -> None:
    """On a line: real ones at 0 to 4, each with its third neighbour 2 or 3 away; of four made ones two are far off."""
    real = torch.arange(5.0)[:, None]
    assert precision_and_recall(torch.tensor([[1.5], [2.5], [20.0], [21.0]]), real) == (0.5, 1.0)
    assert precision_and_recall(torch.tensor([[9.0], [9.1], [9.2], [9.3]]), real) == (0.0, 0.0)


def test_nearest_distance_by_hand() -> None:
    real = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 1, 2, 2)
    assert nearest_distance(torch.full((1, 1, 2, 2), 0.25), real) == pytest.approx(0.25)


@pytest.mark.parametrize("n", [0, 1, 10001])
def test_too_few_or_too_many_samples_are_refused(measured: tuple[Yardstick, Images], n: int) -> None:
    yardstick, _ = measured
    with pytest.raises(ValueError, match=f"between 2 and 10000 samples to evaluate, got {n}"):
        yardstick.report(torch.zeros(n, 1, 28, 28))
