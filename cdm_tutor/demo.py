"""The whole story in five minutes, told as a page of pictures."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.data import Images, load_sample
from cdm_tutor.demo_page import Measured, longer, write_page
from cdm_tutor.generate import BATCH, SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.plots import save_animation, save_grid, save_noising, save_schedules
from cdm_tutor.progress import sampling_bar, training_bar
from cdm_tutor.randomness import seeded
from cdm_tutor.refiner import refine
from cdm_tutor.runs import Run
from cdm_tutor.settings import TrainSettings, too_brief
from cdm_tutor.trainer import Step
from cdm_tutor.wording import counted
from cdm_tutor.writing import whole_folder

WHOLE = 2.5  # the time for all of it, in those of the first training
REFINER, MEASURING = 0.5, 0.25  # the same, of the second training and of measuring; the rest is for drawing
LEAST = 0.05  # of the second training, however late it is
REFINE_FROM, REFINER_STEPS = 200, 2
MARK = ".made-by-demo"  # in a folder that may be replaced
ANIMATED = SampleSettings(n=BATCH, steps=40)


@dataclass(frozen=True)
class Asked:
    """What a demo is asked for.

    Attributes:
        name: "mnist" or "fashion".
        minutes: how long to train the U-Net; all of it takes WHOLE times as long.
        n: how many samples to draw and measure each time, if there is time.
        device: where to compute.
        seed: decides the training and the samples.
        by: whose code it runs on, in words.
        then: what to do next, in a sentence.
    """

    name: str
    minutes: float
    n: int
    device: str
    seed: int
    by: str = "the package's own code"
    then: str = "Begin with lesson 1."


def run_demo(asked: Asked, out: Path) -> Path:
    """Run every stage once on real images and write pictures, an animation and a page about them.

    Args:
        asked: what is wanted.
        out: the folder to write to: a new one, an empty one, or one that an earlier demo made, which is replaced.

    Returns:
        the page.

    Raises:
        ValueError: if the folder holds anything that no demo made.
        OSError: if it cannot be written; an older demo stays as it was.
    """
    with whole_folder(out, MARK, "demo") as part:
        _tell(asked, part)
    return out / "index.html"


def _tell(asked: Asked, out: Path) -> None:
    end = time.monotonic() + 60 * WHOLE * asked.minutes
    say, data, seed = Console().rule, load_sample(asked.name), asked.seed
    print(f"It will take about {counted(round(WHOLE * asked.minutes, 2), 'minute')}.")

    say("1 and 2  noise schedules, and a real image noised")
    save_schedules(out / "schedules.png")
    save_noising(out / "noising.png", data.x0[len(data) // 2], seeded(seed))
    _save_real(out / "real.png", data, seed)

    say(f"3 and 6  training a small U-Net from scratch for {counted(asked.minutes, 'minute')}")
    focused = TrainSettings(minutes=asked.minutes, seed=seed, timesteps="focused")
    own, steps = _train(out / "run", ModelCard(asked.name, "v"), focused, data.x0, asked.device)
    if too_brief(focused.batch * len(steps)):
        more = f"For more: --minutes {longer(asked.minutes):g}"
        print(f"Only {counted(len(steps), 'step')}, too few to draw with. {more}")

    say("4  sampling: yours, then the weights that come with the package")
    shipped = load_weights(shipped_weights(asked.name)).to(asked.device)
    pace = _animate(shipped, out, seed)
    n = affordable(asked.n, end - time.monotonic() - 60 * asked.minutes * (REFINER + MEASURING), pace)
    if n < asked.n:
        print(f"This machine is busy: there is time for {n} samples each, not for {asked.n}.")
    settings = SampleSettings(n=n, seed=seed)
    with sampling_bar(2 * n) as advance:
        drawn = {"yours": generate(own.trained, settings, on_batch=advance)}
        drawn["shipped weights"] = generate(shipped, settings, on_batch=advance)

    say("5  refining them with a second network")
    left = (end - time.monotonic()) / 60 - MEASURING * asked.minutes
    for_it = max(min(left, REFINER * asked.minutes), LEAST * asked.minutes)
    refining = TrainSettings(minutes=for_it, seed=seed, t_below=500)
    refiner, _ = _train(out / "refiner", ModelCard(asked.name, "v", stage="refiner"), refining, data.x0, asked.device)
    drawn["yours, refined"] = _refined(refiner.trained, drawn["yours"], seed)
    shipped_refiner = load_weights(shipped_weights(asked.name, "refiner")).to(asked.device)
    drawn["shipped weights, refined"] = _refined(shipped_refiner, drawn["shipped weights"], seed)
    for file, what in {"yours": "yours", "shipped": "shipped weights", "refined": "yours, refined"}.items():
        save_grid(out / f"{file}.png", drawn[what][:64], columns=16)

    say("7  measuring")
    compared = max(2 * n, len(data) * n // asked.n)  # as much less of it as there is less time
    yardstick = Yardstick(asked.name, data.x0[:: max(1, len(data) // compared)])
    kinds = ("yours", "yours, refined", "shipped weights", "shipped weights, refined")
    reports = {kind: yardstick.report(drawn[kind]) for kind in kinds}
    for kind, report in reports.items():
        print(f"{kind:24} FID {report.fid:6.2f}   ({n} samples; {n} real images: {report.fid_floor:.2f})")
    write_page(out / "index.html", Measured(asked.name, asked.minutes, asked.by, asked.then, focused, steps, reports))


def _save_real(path: Path, data: Images, seed: int) -> None:
    save_grid(path, data.x0[torch.randperm(len(data), generator=seeded(seed))[:64]], columns=16)


def _animate(trained: Trained, out: Path, seed: int) -> float:
    """Draw the pictures of a walk from noise to images; returns the seconds that a step took for an image."""
    frames: list[Tensor] = []
    settings = SampleSettings(n=ANIMATED.n, steps=ANIMATED.steps, seed=seed)
    begun = time.monotonic()
    generate(trained, settings, on_step=lambda guess, x: frames.append(x.cpu()))
    pace = (time.monotonic() - begun) / (settings.n * settings.steps)
    moments = torch.linspace(0, len(frames) - 1, 10).int().tolist()
    strip = torch.stack([frames[moment][:6] for moment in moments], dim=1).flatten(0, 1)
    save_grid(out / "denoising.png", strip, columns=len(moments), zoom=3)
    save_animation(out / "denoising.webp", frames, columns=16)
    return pace


def affordable(n: int, seconds: float, pace: float) -> int:
    """How many samples of each kind can be drawn in time: at most n, at least a batch of them.

    Args:
        n: how many are wanted.
        seconds: for all of them.
        pace: the seconds that a step takes for an image.
    """
    each = 2 * (SampleSettings.steps + REFINER_STEPS) * pace  # of two networks
    return min(n, max(BATCH, int(seconds / each)))


def _refined(refiner: Trained, x: Tensor, seed: int) -> Tensor:
    generator, how = seeded(seed, 1), (REFINE_FROM, refiner.card.prediction)
    batches = [batch.to(refiner.device) for batch in x.split(BATCH)]
    return torch.cat([refine(refiner.network, each, refiner.schedule, generator, *how).cpu() for each in batches])


def _train(folder: Path, card: ModelCard, settings: TrainSettings, x0: Tensor, device: str) -> tuple[Run, list[Step]]:
    run, steps = Run.create(folder, card, settings, len(x0), device), []
    with training_bar(settings.batch) as show:
        for step in run.steps(x0):
            show(step)
            steps.append(step)
    return run, steps
