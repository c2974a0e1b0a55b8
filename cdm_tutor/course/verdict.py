"""Which symptom do these images have, or this loss? The nearest of the sets of samples that the clinic was made with.

`assets/looks.json` holds what each of those measures; workshop/clinic/tune.py writes it.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import load_weights
from cdm_tutor.course.looks import FLAT, MEASURES, SIDE, Measurer, comparable, read_images
from cdm_tutor.course.mistakes import place_of
from cdm_tutor.course.own_looks import report_own
from cdm_tutor.course.symptoms import EMPTY, HEALTHY, Group, find_group, mistakes_with
from cdm_tutor.data import ASSETS, load_sample
from cdm_tutor.generate import SampleSettings, generate, usual_way
from cdm_tutor.guidance import CLASSES
from cdm_tutor.metrics import Yardstick
from cdm_tutor.pages import address
from cdm_tutor.settings import too_brief
from cdm_tutor.wording import counted

LOOKS = ASSETS / "looks.json"
NEIGHBOURS = 3  # so many of the nearest sets vote, the nearer the more
TOGETHER = ("variety", "twin", "balance")  # what a few images say nothing of
FEW = 12  # images
MENTIONED = 3  # mistakes
DEAF = 0.3  # of the images of a network that does not listen, one in ten is what was asked for
LEARNED = 0.95  # of the first losses, which a constant answer reaches: who ends above has learned nothing


@dataclass(frozen=True)
class Verdict:
    """What a set of images looks like.

    Attributes:
        group: the symptom.
        suspects: the names of the known mistakes whose samples measure most alike, the nearest first.
        yours, real: what is measured, and what as many real images measure; empty where there is nothing to measure.
    """

    group: Group
    suspects: tuple[str, ...]
    yours: dict[str, float]
    real: dict[str, float]


def diagnose(path: Path, data: str | None, n: int, seed: int) -> str:
    """All there is to say of what a path stands for; data is what the images should show, if the weights do not say.

    Raises:
        FileNotFoundError, ValueError: as images_of and read_losses.
    """
    x0, card = images_of(path, n, seed)
    name = data or (card.data if card else "mnist")
    log = path / "log.jsonl"
    losses = read_losses(log) if log.is_file() else []
    soon = too_soon(losses, card)
    own = card is not None and (card.own or card.built.shape != (1, SIDE, SIDE))
    text = report_own(x0, instead=soon) if own else report(judge(x0, Measurer(name)), len(x0), instead=soon)
    if card and card.classes and not own:
        text += f"\n{listens(path, seed)}"
    return f"{text}\n{report_losses(losses)}" if log.is_file() and not soon else text


def listens(path: Path, seed: int) -> str:
    """Whether a network that was told classes draws what it is asked for, in a line; asked for 16 of each, plainly."""
    trained = load_weights(weights_at(path))
    settings = SampleSettings(n=16 * CLASSES, seed=seed, labels=tuple(range(CLASSES)))
    yardstick = Yardstick(trained.card.data, load_sample(trained.card.data).x0[::100])
    chosen = yardstick.probabilities(yardstick.features(generate(trained, settings))).argmax(dim=1)
    share = (chosen == settings.label_of(range(settings.n))).float().mean().item()
    said = f"Asked for each class in turn, it drew that class in {share:.0%} of {counted(settings.n, 'image')}"
    floor = f"(a classifier reads {yardstick.agreement_floor:.1%} of real test images right)"
    if share < DEAF:
        return f"{said} {floor}: it does not listen. Is the label's row added, and are labels dropped only sometimes?"
    return f"{said} {floor}."


def images_of(path: Path, n: int, seed: int) -> tuple[Tensor, ModelCard | None]:
    """The images that a path stands for, and the card of the weights that drew them, if it has any.

    Raises:
        FileNotFoundError: if there is nothing of that kind.
        ValueError: if it cannot be read.
    """
    weights = weights_at(path)
    if weights.suffix != ".safetensors" or (path.is_dir() and not weights.exists()):
        return read_images(path), None
    trained = load_weights(weights)
    if trained.card.stage == "refiner":
        raise ValueError(f"{weights} is a refiner, which draws nothing by itself: give the images that it refined")
    return generate(trained, SampleSettings(n=n, seed=seed, **usual_way(trained.card))), trained.card


def weights_at(path: Path) -> Path:
    """The file of weights that a path stands for, if it stands for weights."""
    return path / "model.safetensors" if path.is_dir() else path


def judge(x0: Tensor, measurer: Measurer) -> Verdict:
    """Name the symptom of (N, 1, 28, 28) images."""
    if x0.isnan().any():
        return empty({}, {})
    yours, real = measurer.measure(x0), measurer.measure_real(len(x0))
    if yours["spread"] < FLAT:
        return empty(yours, real)
    near = nearest(yours, real, len(x0))
    if len(x0) < FEW and by_chance(yours, measurer.measure_real_sets(len(x0)), real):
        return Verdict(find_group(HEALTHY), (), yours, real)
    votes: dict[str, float] = {}
    for distance, group, _ in near[:NEIGHBOURS]:
        votes[group] = votes.get(group, 0.0) + 1 / (distance + 1e-6)
    chosen = max(votes, key=lambda group: votes[group])
    suspects = dict.fromkeys(name for _, group, name in near if group == chosen and name)
    return Verdict(find_group(chosen), tuple(suspects)[:MENTIONED], yours, real)


def empty(yours: dict[str, float], real: dict[str, float]) -> Verdict:
    """Of images that show nothing, or whose pixels are no numbers."""
    group = find_group(EMPTY)
    return Verdict(group, tuple(mistake.name for mistake in mistakes_with(group)[:MENTIONED]), yours, real)


def nearest(yours: dict[str, float], real: dict[str, float], n: int) -> list[tuple[float, str, str]]:
    """All sets of the clinic, the nearest first: distance, symptom, and mistake, "" for none.

    What is compared is how far each measure is from that of real images, in its standard deviations over the clinic.
    """
    clinic = clinic_looks()
    weights = weights_of(clinic["spread"], n)
    here = off(yours, real, weights)
    distances = []
    for one in clinic["sets"]:
        there = [each * weight for each, weight in zip(one["off"], weights, strict=True)]
        distances.append((math.dist(here, there), one["group"], one["mistake"]))
    return sorted(distances)


@cache
def clinic_looks() -> dict[str, Any]:
    """What the clinic's sets of samples measure."""
    return json.loads(LOOKS.read_text(encoding="utf-8"))


def weights_of(spread: dict[str, float], n: int) -> list[float]:
    """How much each measure counts; what a few images say nothing of does not."""
    return [1 / spread[name] if n >= FEW or name not in TOGETHER else 0.0 for name in MEASURES]


def off(yours: dict[str, float], real: dict[str, float], weights: list[float]) -> list[float]:
    """How far each measure is from that of real images."""
    return [(a - b) * weight for a, b, weight in zip(comparable(yours), comparable(real), weights, strict=True)]


def by_chance(yours: dict[str, float], sets: list[dict[str, float]], real: dict[str, float]) -> bool:
    """Whether a few images are no farther from the mean of real ones than sets of as many real images are."""
    weights = weights_of(clinic_looks()["spread"], FEW - 1)
    return math.hypot(*off(yours, real, weights)) <= max(math.hypot(*off(one, real, weights)) for one in sets)


def report(verdict: Verdict, n: int, instead: str = "") -> str:
    """A verdict as a table and a few lines; with `instead`, these words in the place of symptom and mistakes."""
    lines = [f"{'of ' + counted(n, 'image'):38} {'yours':>7} {'real':>7}"] if verdict.yours else []
    lines += [f"{MEASURES[name]:38} {verdict.yours[name]:7.3f} {verdict.real[name]:7.3f}" for name in verdict.yours]
    if verdict.group.name == HEALTHY:
        return "\n".join(
            [*lines, "", "Looks healthy: like real images, all different. Not every mistake shows in samples."]
        )
    if instead:
        return "\n".join([*lines, "", instead])
    lines += ["", f"Most like: {verdict.group.title}. {verdict.group.look}"]
    lines += ["Known mistakes whose samples measure most alike:"] if verdict.suspects else []
    lines += [f"  {address(place_of(name))}" for name in verdict.suspects]
    return "\n".join([*lines, all_with(verdict.group)])


def ends(losses: list[float]) -> tuple[float, float]:
    """The mean loss of the first tenth, and of the last."""
    part = max(1, len(losses) // 10)
    return mean(losses[:part]), mean(losses[-part:])


def judge_losses(losses: list[float]) -> str:
    """The symptom of a training's losses: the name of its group, or "" if they look healthy."""
    if not all(map(math.isfinite, losses)):
        return EMPTY
    if not losses:
        return ""
    first, last = ends(losses)
    late = losses[len(losses) // 2 :]
    steps = torch.tensor(late).diff().abs()
    if len(late) > 10 and (max(late) > 4 * median(late) or steps.mean().item() > 0.6 * mean(late)):
        return "loss-jumps"
    if len(losses) >= 100 and last > 0.8 * first:
        return "loss-stays"
    return ""


def too_soon(losses: list[float], card: ModelCard | None) -> str:
    """Why the images of a training tell nothing of mistakes yet, in words; "" if they do.

    A network starts with the answer 0 whatever it sees, so the first losses are those of a constant answer.

    Args:
        losses: of each step, as far as they are known.
        card: of the weights; it says how many images they have seen.
    """
    if judge_losses(losses) not in ("", "loss-stays"):
        return ""
    first, last = ends(losses) if losses else (0.0, 0.0)
    if len(losses) >= 100 and last > LEARNED * first:
        return (
            f"Has learned nothing: the loss was {first:.3g} and is {last:.3g} after {counted(len(losses), 'step')}, as "
            "of a constant answer. Is the learning rate far too small? Else look at what changes the weights: "
            f"{address('clinic.html#loss-stays')}"
        )
    seen = card.training.get("images") if card else None
    if isinstance(seen, int) and seen > 0 and too_brief(seen):
        told = f"Trained too briefly to tell: {counted(seen, 'image')} seen."
        return f"{told} Go on with --resume and --minutes 10, then ask again."
    return ""


def report_losses(losses: list[float]) -> str:
    """What the losses say, in a line or two."""
    if not losses:
        return "No loss yet."
    name = judge_losses(losses)
    if not name:
        return f"The loss looks healthy: {losses[-1]:.3g} after {counted(len(losses), 'step')}."
    group = find_group(name)
    return f"The loss: {group.title}. {group.look}\n{all_with(group)}"


def all_with(group: Group) -> str:
    """Where all mistakes with a symptom are, in a line."""
    return f"All with this symptom: {address(f'clinic.html#{group.name}')}"


def read_losses(log: Path) -> list[float]:
    """The losses in a run's log.jsonl.

    Raises:
        ValueError: if a line is none of ours.
    """
    try:
        return [float(json.loads(line)["loss"]) for line in log.read_text(encoding="utf-8").splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{log} is damaged, or not written by cdm-tutor train: {error}") from error
