"""Networks that are told classes, from the stage to the command line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, save_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, find_classes, load_sample
from cdm_tutor.generate import Picture, SampleSettings, generate
from cdm_tutor.guidance import (
    CLASSES,
    DROPPED,
    NOT_TOLD,
    ConditionalUNet,
    chances,
    complete,
    conditional_loss,
    drop_labels,
    guided,
    noise_further,
    with_labels,
)
from cdm_tutor.metrics import Yardstick
from cdm_tutor.noising import denoising_loss
from cdm_tutor.pictures import half, read_picture
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.runs import Run
from cdm_tutor.sampler import sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings

COSINE = make_schedule("cosine")
Tutor = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def listening() -> Trained:
    """A network that is told classes, with rows that are not zero, for what needs no good images."""
    torch.manual_seed(0)
    network = ConditionalUNet()
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.1)
    return Trained(network, ModelCard("mnist", "v", classes=True))


@pytest.fixture(scope="module")
def its_file(listening: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("listening") / "model.safetensors"
    save_weights(path, listening)
    return path


# --- the stage: what lessons/07 does not look at ----------------------------------------------------------------------


def test_chances_are_uniform_each_image_its_own_and_the_same_again(generator: torch.Generator) -> None:
    noise = torch.randn(20_000, 2, 1, 1, generator=generator)
    found = chances(noise)
    assert (found < DROPPED).float().mean().item() == pytest.approx(DROPPED, abs=0.007)  # three standard errors
    assert found.histc(10, 0, 1).min() > 1800
    assert torch.equal(chances(noise[7:9]), found[7:9])


def test_the_conditional_loss_hears_what_is_kept_and_ignores_the_label_channels(generator: torch.Generator) -> None:
    images, labels = torch.rand(64, 1, 4, 4, generator=generator), torch.arange(64) % CLASSES
    t, noise = torch.arange(64), torch.randn(64, 2, 4, 4, generator=generator)
    heard: list[torch.Tensor] = []

    def model(x_t: torch.Tensor, t: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        assert x_t.shape == (64, 1, 4, 4)
        heard.append(labels)
        return x_t

    found = conditional_loss(model, with_labels(images, labels), t, noise, COSINE, "v")
    expected = denoising_loss(lambda x_t, t: x_t, images, t, noise[:, :1], COSINE, "v")
    assert torch.equal(found, expected)
    assert torch.equal(heard[0], drop_labels(labels, chances(noise)))
    assert (heard[0] == NOT_TOLD).any()
    assert (heard[0] == labels).any()


@given(st.integers(0, 998), st.integers(1, 400))
def test_noising_further_arrives_where_noising_at_once_does(t: int, more: int) -> None:
    later = min(t + more, 999)
    x0 = torch.full((1, 1, 200, 200), 0.5)
    signal, sigma = COSINE.sqrt_alphas_cumprod[t], COSINE.sqrt_one_minus_alphas_cumprod[t]
    x_t = signal * x0 + sigma * draw_like(x0, seeded(t))
    found = noise_further(x_t, t, later, COSINE, draw_like(x0, seeded(t, later)))
    assert found.mean().item() == pytest.approx(0.5 * COSINE.sqrt_alphas_cumprod[later].item(), abs=0.02)
    assert found.std().item() == pytest.approx(COSINE.sqrt_one_minus_alphas_cumprod[later].item(), rel=0.03)


def test_resampling_closes_the_seam(generator: torch.Generator) -> None:
    """Images are of one grey each, any as likely as the next within a normal distribution. Half of one is known."""
    shape = (200, 1, 2, 2)

    def ideal(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Names the noise: the grey is estimated from the mean of the four pixels."""
        signal, sigma = COSINE.sqrt_alphas_cumprod[t[0]], COSINE.sqrt_one_minus_alphas_cumprod[t[0]]
        shrink = 0.09 * signal / (0.09 * signal**2 + sigma**2 / 4)
        grey = shrink * x_t.mean(dim=(1, 2, 3), keepdim=True)
        return (x_t - signal * grey) / sigma

    picture = torch.full(shape, 0.4)
    known = torch.tensor([True, False]).expand(shape)
    x_T = torch.randn(shape, generator=generator)
    once, often = (
        complete(ideal, x_T, picture, known, COSINE, generator=seeded(1), steps=20, times=times) for times in (1, 8)
    )
    assert torch.equal(once[known], picture[known])
    off = [(each - picture)[~known].abs().mean().item() for each in (once, often)]
    assert off[1] < 0.75 * off[0]


# --- weights, runs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_what_is_shipped_draws_what_it_is_asked_for(name: str) -> None:
    trained = load_weights(shipped_weights(name, classes=True))
    assert shipped_weights(name, classes=True).stat().st_size < 4e6
    assert trained.card.classes
    settings = SampleSettings(n=100, steps=10, labels=tuple(range(CLASSES)), guidance_scale=2.0)
    report = Yardstick(name, load_sample(name).x0[::10]).report(
        generate(trained, settings), settings.label_of(range(100))
    )
    assert report.agreement is not None
    assert report.agreement > 0.9
    assert set(report.agreements) == set(range(CLASSES))


def test_a_card_of_before_is_of_a_network_that_is_not_told() -> None:
    assert not ModelCard.parse({"data": "mnist"}).classes
    for wrong in ({"classes": 1}, {"classes": True, "stage": "refiner"}):
        with pytest.raises(ValueError, match="classes is true or false"):
            ModelCard.parse({"data": "mnist", **wrong})


def test_a_told_network_begins_as_the_one_it_was_given(tmp_path: Path) -> None:
    begun = load_weights(shipped_weights("mnist"))
    card = replace(begun.card, classes=True, training={})
    run = Run.create(tmp_path / "run", card, TrainSettings(steps=2, batch=4), 100, start=begun)
    assert torch.equal(generate(run.trained, SampleSettings(2, steps=2)), generate(begun, SampleSettings(2, steps=2)))
    images = load_sample("mnist")
    with pytest.raises(ValueError, match="expected labels"):
        next(run.steps(images.x0))


@pytest.mark.parametrize("change", [{"classes": False}, {"stage": "refiner", "classes": False}, {"T": 500}])
def test_weights_to_begin_with_must_fit(change: dict[str, object], listening: Trained, tmp_path: Path) -> None:
    card = replace(listening.card, **change)  # type: ignore[arg-type]
    settings = TrainSettings(steps=2, batch=4)
    with pytest.raises(ValueError, match=r"expected that of the weights|start with the weights of a"):
        Run.create(tmp_path / "run", card, settings, 100, start=listening)
    assert not (tmp_path / "run").exists()


def test_training_goes_on_bit_for_bit_and_learns_every_row(tmp_path: Path) -> None:
    images = load_sample("mnist")
    card = ModelCard("mnist", "v", classes=True)

    def finished(folder: Path, *ends: int) -> Trained:
        run = Run.create(folder, card, TrainSettings(steps=ends[0], batch=16), len(images))
        list(run.steps(images.x0, images.labels))
        for end in ends[1:]:
            run = Run.resume(folder, len(images), steps=end)
            list(run.steps(images.x0, images.labels))
        return load_weights(folder / "model.safetensors")

    assert finished(tmp_path / "run", 6).card.classes
    # by steps taken the learning rate goes by progress: the same plan, stopped half-way, is the same training
    one = Run.create(tmp_path / "whole", card, TrainSettings(steps=6, batch=16), len(images))
    list(one.steps(images.x0, images.labels))
    two = Run.create(tmp_path / "cut", card, TrainSettings(steps=6, batch=16), len(images))
    steps = two.steps(images.x0, images.labels)
    for _ in range(3):
        next(steps)
    two.save()
    steps.close()  # type: ignore[attr-defined]
    again = Run.resume(tmp_path / "cut", len(images))
    list(again.steps(images.x0, images.labels))
    for mine, theirs in zip(one.training.model.parameters(), again.training.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert one.training.model.classes.weight.any(dim=1).sum() >= CLASSES  # type: ignore[union-attr, operator]


# --- drawing ------------------------------------------------------------------------------------------------------


def test_each_image_is_told_its_own_label(listening: Trained) -> None:
    settings = SampleSettings(n=40, steps=2, labels=(3, 7))
    assert settings.label_of(range(40)).tolist() == [3] * 20 + [7] * 20
    both = generate(listening, settings)
    network = listening.network
    x_T = torch.randn(32, 1, 28, 28, generator=(first := seeded(0, 0)))
    labels = torch.tensor([3] * 20 + [7] * 12)
    expected = sample(
        lambda x_t, t: network(x_t, t, labels), x_T, listening.schedule, generator=first, steps=2, prediction="v"
    )
    torch.testing.assert_close(both[:32], expected)


def test_guidance_acts_within_its_limits(listening: Trained) -> None:
    base = SampleSettings(n=4, steps=3, labels=(3,))
    told = generate(listening, base)
    strong = generate(listening, replace(base, guidance_scale=4.0))
    nowhere = generate(listening, replace(base, guidance_scale=4.0, guidance_limits=(0.0, 0.0)))
    assert not torch.allclose(told, strong, atol=1e-2)
    torch.testing.assert_close(told, nowhere)


def test_what_is_known_of_a_picture_stays(listening: Trained) -> None:
    picture = Picture(load_sample("mnist").x0[:1], half("top"))
    found = generate(listening, SampleSettings(n=3, steps=3, labels=(1,)), picture=picture)
    assert torch.equal(found[:, :, :14], picture.x0[:, :, :14].expand(3, 1, 14, 28))
    assert not torch.equal(found[:1, :, 14:], picture.x0[:, :, 14:])
    refiner = load_weights(shipped_weights("mnist", "refiner"))
    mended = generate(listening, SampleSettings(n=3, steps=3), picture=picture, refiner=refiner)
    assert torch.equal(mended[:, :, :14], picture.x0[:, :, :14].expand(3, 1, 14, 28))


def test_a_sketch_that_is_hardly_noised_hardly_changes() -> None:
    trained, picture = load_weights(shipped_weights("mnist")), load_sample("mnist").x0[:1]
    off = [
        (generate(trained, SampleSettings(n=4, steps=5), picture=Picture(picture, t_start=t)) - picture).abs().mean()
        for t in (20, 300, 900)
    ]
    assert off[0] < off[1] < off[2]
    assert off[0] < 0.05


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SampleSettings(2, labels=(10,)), "from 0 to 9, got 10"),
        (SampleSettings(2, labels=(1,), guidance_scale=float("nan")), "a finite number, got nan"),
        (SampleSettings(2, labels=(1,), guidance_limits=(0.8, 0.2)), "the lower first, got 0.8 and 0.2"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(settings: SampleSettings, said: str, listening: Trained) -> None:
    with pytest.raises(ValueError, match=said):
        generate(listening, settings)


# --- pictures from outside ----------------------------------------------------------------------------------------


def drawn(path: Path, paper: str, ink: str, size: tuple[int, int] = (200, 100), mode: str = "RGB") -> Path:
    picture = Image.new(mode, size, paper)
    ImageDraw.Draw(picture).line([(90, 10), (110, 90)], fill=ink, width=12)
    picture.save(path)
    return path


@pytest.mark.parametrize(("paper", "ink"), [("white", "black"), ("black", "white"), ("lightblue", "darkred")])
def test_ink_on_paper_becomes_bright_on_dark(paper: str, ink: str, tmp_path: Path) -> None:
    found = read_picture(drawn(tmp_path / "a.png", paper, ink))
    assert found.shape == (1, 1, 28, 28)
    assert found[0, 0, 14, 13:16].max() > 0.5
    assert found[0, 0, :, [0, -1]].max() < -0.5
    assert found[0, 0, [0, -1]].max() < -0.5, "above and below is background: proportions are kept"


def test_a_transparent_picture_lies_on_paper(tmp_path: Path) -> None:
    path = drawn(tmp_path / "a.png", "#00000000", "#000000ff", mode="RGBA")
    assert read_picture(path)[0, 0, 14, 13:16].max() > 0.5


def test_halves() -> None:
    assert half("left")[0, 0, 5].tolist() == [True] * 14 + [False] * 14
    assert half("bottom")[0, 0, :, 5].tolist() == [False] * 14 + [True] * 14
    assert torch.equal(~half("left"), half("right"))
    assert torch.equal(~half("top"), half("bottom"))


# --- the command line ---------------------------------------------------------------------------------------------


def test_classes_by_number_and_name() -> None:
    assert find_classes("7", "mnist") == (7,)
    assert find_classes("0, 1,2", "mnist") == (0, 1, 2)
    assert find_classes("all", "fashion") == tuple(range(10))
    assert find_classes("boot,T-SHIRT,3", "fashion") == (9, 0, 3)


BAD = {
    "no such digit": (["sample", "--label", "11"], "there is no class '11' in mnist"),
    "no such garment": (["sample", "fashion", "--label", "hat"], "there is no class 'hat' in fashion"),
    "an empty label": (["sample", "--label", ""], "there is no class ''"),
    "a network that was not told": (["sample", "--label", "7", "--weights", "UNTOLD"], "was not told classes"),
    "guidance of nothing": (["sample", "--guidance", "3"], "--label"),
    "guidance without end": (["sample", "--label", "7", "--guidance", "inf"], "not a finite number"),
    "two beginnings": (["sample", "--complete", "PNG", "--from", "PNG"], "--complete or --from, got both"),
    "half of nothing": (["sample", "--keep", "top"], "--complete"),
    "a step of nothing": (["sample", "--from-step", "100"], "--from"),
    "no such step": (["sample", "--from", "PNG", "--from-step", "1000"], "between 0 and 999, got 1000"),
    "too many steps": (["sample", "--from", "PNG", "--from-step", "5"], "between 1 and 6 sampling steps, got 20"),
    "no picture": (["sample", "--from", "TEXT"], "is no picture"),
    "no file": (["sample", "--complete", "nowhere.png"], "no picture at nowhere.png"),
    "a refiner told classes": (["train", "--classes", "--stage", "refiner", "--steps", "1"], "true only for a unet"),
    "another prediction": (["train", "--classes", "--predict", "noise", "--steps", "1"], "prediction v, not noise"),
    "an untold one from a told": (["train", "--start", "TOLD", "--steps", "1"], "got a unet with classes"),
    "a page of an untold one": (["export-web", "UNTOLD", "--classes"], "was not told classes"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_get_one_clear_line(case: str, tutor: Tutor, its_file: Path, anywhere: Path) -> None:
    words, said = BAD[case]
    text = anywhere / "text.png"
    text.write_text("no picture")
    files = {"TOLD": its_file, "UNTOLD": shipped_weights("mnist"), "TEXT": text}
    if "PNG" in words:
        files["PNG"] = drawn(anywhere / "a.png", "white", "black")
    code, _, error = tutor(*(str(files.get(word, word)) for word in words))
    assert code == 2
    assert said in error
    assert error.count("\n") == 1


def test_asking_for_classes_from_training_to_measuring(tutor: Tutor, anywhere: Path) -> None:
    code, out, _ = tutor("train", "mnist", "--classes", "--steps", "2", "--batch", "4", "--device", "cpu")
    assert code == 0
    weights = Path("runs/mnist-classes/model.safetensors")
    assert "--label all" in out
    assert load_weights(weights).card.classes
    assert tutor("train", "mnist", "--classes", "--resume", "--steps", "3", "--device", "cpu")[0] == 0
    few = ("--weights", str(weights), "--steps", "2")
    assert tutor("sample", *few, "--label", "0,7", "-n", "3", "--out", "two.png")[0] == 0
    with Image.open("two.png") as picture:
        assert picture.size == (2 * (3 * 30 + 2), 2 * (2 * 30 + 2)), "a row of three for each"
    assert tutor("sample", *few, "--label", "7", "-n", "4", "--complete", "two.png", "--keep", "top")[0] == 0
    assert tutor("sample", *few, "-n", "4", "--from", "two.png", "--from-step", "300")[0] == 0
    code, out, _ = tutor("evaluate", *few, "--label", "3,4", "-n", "10", "--json", "figures.json")
    assert code == 0
    assert "agreement" in out
    assert set(json.loads(Path("figures.json").read_text())["agreements"]) == {"3", "4"}
    code, out, _ = tutor("diagnose", "runs/mnist-classes", "-n", "8")
    assert code == 0
    assert "Asked for each class in turn" in out


def test_a_network_that_does_not_listen_is_told_so(tutor: Tutor, tmp_path: Path) -> None:
    untold = load_weights(shipped_weights("mnist"))
    deaf = ConditionalUNet()
    deaf.load_state_dict(untold.network.state_dict(), strict=False)
    save_weights(tmp_path / "deaf.safetensors", Trained(deaf, replace(untold.card, classes=True)))
    assert "it does not listen" in tutor("diagnose", str(tmp_path / "deaf.safetensors"), "-n", "8")[1]
    assert "it does not listen" not in tutor("diagnose", str(shipped_weights("mnist", classes=True)), "-n", "8")[1]


def test_guided_is_the_told_answer_at_one_and_the_untold_at_zero(listening: Trained) -> None:
    x_t, t = torch.randn(3, 1, 28, 28, generator=seeded(1)), torch.tensor([5, 500, 900])
    labels = torch.tensor([1, 5, 9])
    with torch.no_grad():
        network = listening.network
        for scale, expected in {0.0: network(x_t, t), 1.0: network(x_t, t, labels)}.items():
            assert torch.equal(guided(network, x_t, t, labels, scale), expected)
