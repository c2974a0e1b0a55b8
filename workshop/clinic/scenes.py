"""Runs scenes: the package's own stages, with a mistake in one of them or right, from the same seed.

`python -m workshop.clinic.scenes NAME SEED RESULT` is one process of a training shared by several.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from cdm_tutor import checkpoint, distributed
from cdm_tutor.choices import Stage
from cdm_tutor.consistency import jump, sample_by_jumps, tune
from cdm_tutor.course.learner import Implementation, load, standing_in
from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.scenes import (
    SAMPLES,
    ByTheTable,
    Completed,
    FromSketch,
    Guessed,
    Jumped,
    Refined,
    Sampled,
    Scene,
    Told,
    Trained,
    TrainedConsistent,
    TrainedRefiner,
    TrainedTold,
)
from cdm_tutor.course.sketches import DIGITS, digits
from cdm_tutor.data import load_sample
from cdm_tutor.guidance import (
    ConditionalUNet,
    complete,
    conditional_loss,
    from_sketch,
    guided,
    with_labels,
)
from cdm_tutor.noising import denoising_loss, q_sample
from cdm_tutor.pictures import half
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.refiner import ImprovedRefinementNetwork, refine, refiner_loss
from cdm_tutor.sampler import denoise, posterior, sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Training, fit
from cdm_tutor.unet import SimpleUNet

EVERY = 5  # of the embedded images every fifth is trained on: a few epochs are soon over
SMALL = {"channels": (16, 32), "blocks": (1, 1)}  # the network of the short trainings
HASTY = Sampled("ddim", 6)  # so few steps that there is something to mend


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        samples: (SAMPLES, 1, 28, 28), if it got that far.
        again: the same once more, where the scene asks for it.
        before: what was refined, where something was.
        losses: of each training step.
        weights: what was trained.
        error: what it ended with instead, in a line.
        note: what else was noticed.
        seconds: of the processor, in training or else in all.
    """

    samples: Tensor | None = None
    again: Tensor | None = None
    before: Tensor | None = None
    losses: tuple[float, ...] = ()
    weights: dict[str, Tensor] | None = None
    error: str = ""
    note: str = ""
    seconds: float = 0.0


def attempt(scene: Scene, mistake: Mistake | None, seed: int = 0) -> Outcome:
    """Run a scene; whatever it raises is what it ended with."""
    torch.manual_seed(seed)
    start = time.process_time()
    try:
        outcome = RUNNERS[type(scene)](scene, mistake, seed).run()
    except Exception as error:
        outcome = Outcome(error=one_line(error))
    return outcome if outcome.seconds else replace(outcome, seconds=time.process_time() - start)


def one_line(error: BaseException) -> str:
    """As the last line of a traceback; of several lines the first."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def build_stages(mistake: Mistake | None) -> SimpleNamespace:
    """The stages by name, each built on the ones before, with the mistake in its place."""
    implementation = Implementation("mistake", mistake.name) if mistake else Implementation("reference")
    stages = SimpleNamespace()
    for lesson in LESSONS:
        source, where = implementation.source(lesson, Path())
        with standing_in(vars(stages)):
            setattr(stages, lesson.module, load(source, lesson.module, where))
    return stages


class Runner:
    """Runs one kind of scene on the stages as they are, right or mistaken."""

    def __init__(self, scene: Any, mistake: Mistake | None, seed: int) -> None:
        self.scene, self.mistake, self.seed = scene, mistake, seed
        self.stages = build_stages(mistake)

    def run(self) -> Outcome:
        """Run it once."""
        raise NotImplementedError


# --- from the weights that come with the package ---------------------------------------------------------------------


@cache
def shipped(stage: Stage = "unet") -> checkpoint.Trained:
    """A network that comes with the package."""
    return checkpoint.load_weights(checkpoint.shipped_weights("mnist", stage))


@cache
def classes() -> checkpoint.Trained:
    """The network that comes with the package and is told classes."""
    return checkpoint.load_weights(checkpoint.shipped_weights("mnist", classes=True))


def with_shipped_weights(network: nn.Module, stage: Stage = "unet") -> nn.Module:
    """A network, mistaken perhaps, with the weights that the right one was trained to."""
    network.load_state_dict(shipped(stage).network.state_dict())
    return network.to(memory_format=torch.channels_last)


class AtLevel:
    """The shipped network under another schedule: it is told the step of its own schedule that is equally noisy.

    With `noise` its answer, a velocity, is turned into the noise.
    """

    def __init__(self, network: nn.Module, log_snr: Tensor, noise: bool) -> None:
        own = shipped().schedule
        self.network, self.noise = network, noise
        self.step = (own.log_snr[None] - log_snr[:, None]).abs().argmin(dim=1)
        self.signal, self.sigma = own.sqrt_alphas_cumprod, own.sqrt_one_minus_alphas_cumprod

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        step = self.step[t]
        v = self.network(x_t, step)
        return self.sigma[step].view(-1, 1, 1, 1) * x_t + self.signal[step].view(-1, 1, 1, 1) * v if self.noise else v


class SampledRunner(Runner):
    scene: Sampled

    def run(self) -> Outcome:
        scene, stages = self.scene, self.stages
        schedule = stages.schedule.make_schedule(scene.schedule, scene.T)
        network: Any = with_shipped_weights(stages.unet.SimpleUNet())
        if scene.noise or (scene.schedule, scene.T) != ("cosine", 1000):
            snr = torch.log(schedule.alphas_cumprod) - torch.log1p(-schedule.alphas_cumprod)
            network = AtLevel(network, snr, scene.noise)
        x_T = torch.randn(scene.n, 1, 28, 28, generator=seeded(self.seed, 6))

        def draw(number: int) -> Tensor:
            return self.walk(network, x_T, schedule, seeded(self.seed, number)).detach()

        samples = draw(7)
        second = draw(7 if scene.again == "same" else 8) if scene.again else None
        return Outcome(samples, again=second)

    def walk(self, network: Any, x_T: Tensor, schedule: Any, generator: torch.Generator) -> Tensor:
        """From pure noise to images."""
        scene = self.scene
        prediction = "noise" if scene.noise else "v"
        ways = {"solver": scene.solver, "steps": scene.steps, "eta": scene.eta, "prediction": prediction}
        return self.stages.sampler.sample(network, x_T, schedule, generator=generator, **ways)


class ByTheTableRunner(SampledRunner):
    scene: ByTheTable

    def walk(self, network: Any, x_T: Tensor, schedule: Any, generator: torch.Generator) -> Tensor:
        sampler = self.stages.sampler
        x = x_T
        for t in reversed(range(self.scene.T)):
            guess = sampler.denoise(network, x, t, schedule, "v")
            mean, _ = sampler.posterior(x, guess, t - 1, schedule)
            x = mean + schedule.posterior_variance[t].sqrt() * draw_like(x, generator)
        return x


@cache
def hasty(seed: int) -> Tensor:
    """Right samples that a refiner is to mend."""
    samples = attempt(HASTY, None, seed).samples
    assert samples is not None
    return samples


class RefinedRunner(Runner):
    scene: Refined

    def run(self) -> Outcome:
        scene, stages, card = self.scene, self.stages, shipped("refiner").card
        network = with_shipped_weights(stages.refiner.ImprovedRefinementNetwork(), "refiner")
        schedule, before = stages.schedule.make_schedule(card.schedule, card.T), hasty(self.seed)

        def mend() -> Tensor:
            generator = seeded(self.seed, 9)
            with torch.no_grad():
                return stages.refiner.refine(
                    network, before.clone(), schedule, generator, scene.t_start, card.prediction
                )

        return Outcome(mend(), again=mend() if scene.again else None, before=before)


class ToldRunner(Runner):
    scene: Told

    @torch.no_grad()
    def run(self) -> Outcome:
        scene, stages = self.scene, self.stages
        trained = classes()
        network = stages.guidance.ConditionalUNet()
        network.load_state_dict(trained.network.state_dict())
        network.to(memory_format=torch.channels_last)
        schedule = stages.schedule.make_schedule(trained.card.schedule, trained.card.T)
        x_T = torch.randn(scene.n, 1, 28, 28, generator=seeded(self.seed, 6))
        model = partial(
            stages.guidance.guided,
            network,
            labels=in_turn(scene.labels, scene.n),
            guidance_scale=scene.guidance_scale,
            limits=scene.limits,
        )
        ways = {"steps": scene.steps, "prediction": trained.card.prediction}
        return Outcome(stages.sampler.sample(model, x_T, schedule, generator=seeded(self.seed, 7), **ways))


def in_turn(labels: tuple[int, ...], n: int) -> Tensor:
    """(n,) labels, one after the other and again from the first."""
    return torch.tensor(labels)[torch.arange(n) % len(labels)]


class CompletedRunner(Runner):
    scene: Completed

    @torch.no_grad()
    def run(self) -> Outcome:
        scene, stages, card = self.scene, self.stages, shipped().card
        network = with_shipped_weights(stages.unet.SimpleUNet())
        schedule = stages.schedule.make_schedule(card.schedule, card.T)
        place = torch.arange(scene.n)
        picture = load_sample("mnist").x0[1000 * (place % 10) + place]  # class after class
        known = half(scene.kept).expand_as(picture)
        x_T = torch.randn(scene.n, 1, 28, 28, generator=seeded(self.seed, 6))
        samples = stages.guidance.complete(
            network,
            x_T,
            picture.clone(),
            known.clone(),
            schedule,
            generator=seeded(self.seed, 7),
            steps=scene.steps,
            times=scene.times,
            prediction=card.prediction,
        )
        return Outcome(samples, before=picture.where(known, 0.0))


class FromSketchRunner(Runner):
    scene: FromSketch

    @torch.no_grad()
    def run(self) -> Outcome:
        scene, stages, card = self.scene, self.stages, shipped().card
        network = with_shipped_weights(stages.unet.SimpleUNet())
        schedule = stages.schedule.make_schedule(card.schedule, card.T)
        sketches = digits()[torch.arange(scene.n) % len(DIGITS)]
        samples = stages.guidance.from_sketch(
            network,
            sketches.clone(),
            schedule,
            generator=seeded(self.seed, 7),
            t_start=scene.t_start,
            steps=scene.steps,
            prediction=card.prediction,
        )
        return Outcome(samples, before=sketches)


class GuessedRunner(Runner):
    scene: Guessed

    @torch.no_grad()
    def run(self) -> Outcome:
        scene, stages, card = self.scene, self.stages, shipped("consistency").card
        network = with_shipped_weights(stages.unet.SimpleUNet(), "consistency")
        schedule = stages.schedule.make_schedule(card.schedule, card.T)
        place = torch.arange(scene.n)
        x0 = load_sample("mnist").x0[1000 * (place % 10) + place]  # class after class
        t = torch.tensor(scene.steps)[place % len(scene.steps)]
        noised = q_sample(x0, t.clamp(min=0), draw_like(x0, seeded(self.seed, 7)), shipped("consistency").schedule)
        x_t = torch.where((t < 0)[:, None, None, None], x0, noised)
        return Outcome(stages.consistency.jump(network, x_t.clone(), t.clone(), schedule), before=x_t)


class JumpedRunner(Runner):
    scene: Jumped

    @torch.no_grad()
    def run(self) -> Outcome:
        scene, stages, card = self.scene, self.stages, shipped("consistency").card
        network = with_shipped_weights(stages.unet.SimpleUNet(), "consistency")
        schedule = stages.schedule.make_schedule(card.schedule, card.T)
        x_T = torch.randn(scene.n, 1, 28, 28, generator=seeded(self.seed, 6))
        ways = {"generator": seeded(self.seed, 7), "steps": scene.steps}
        return Outcome(stages.consistency.sample_by_jumps(network, x_T, schedule, **ways))


# --- from a short training -------------------------------------------------------------------------------------------


@cache
def images() -> Tensor:
    """What the short trainings see: class after class, as the package's sheet has them."""
    return load_sample("mnist").x0[::EVERY]


class Clock:
    """Stands in for the time module: every look at it takes a thirtieth of a second, on any machine."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1 / 30
        return self.now


class TrainedRunner(Runner):
    scene: Trained

    def run(self) -> Outcome:
        start = time.process_time()
        if self.scene.processes > 1:
            network, losses, error = together(self)
        else:
            training, losses, error = self.train()
            network = training.ema
        seconds = time.process_time() - start
        note = f"still training after {len(losses)} steps" if len(losses) > self.scene.steps else ""
        outcome = self.show(network)
        weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return replace(outcome, losses=tuple(losses), weights=weights, error=error, note=note, seconds=seconds)

    def train(self) -> tuple[Any, list[float], str]:
        """Train, stopping and going on as asked; the training, the loss of each step, and how it ended if not well."""
        scene, trainer = self.scene, self.stages.trainer
        if scene.minutes:
            trainer.time = Clock()
        x0, losses = images().clone(), []
        training = self.begin(self.seed)
        try:
            if scene.stopped:
                losses += [step.loss for step in islice(trainer.fit(training, x0), scene.stopped)]
                if not scene.whole:
                    state = training.state_dict()
                    training = self.begin(self.seed + 1)  # other weights, until they are loaded
                    object.__setattr__(training.settings, "seed", self.seed)
                    training.load_state_dict(state)
            limit = scene.steps + scene.steps // 5 - len(losses)
            for step in islice(trainer.fit(training, x0), limit):
                losses.append(step.loss)
        except ValueError as error:  # Diverged: what was learned so far is still there
            return training, losses, one_line(error)
        return training, losses, ""

    def begin(self, seed: int) -> Any:
        """A Training before its first step."""
        torch.manual_seed(seed)
        schedule = self.stages.schedule.make_schedule("cosine")
        return self.stages.trainer.Training(self.network(), schedule, self.settings(seed), self.loss())

    def settings(self, seed: int) -> TrainSettings:
        scene = self.scene
        return TrainSettings(
            steps=None if scene.minutes else scene.steps,
            minutes=scene.minutes,
            batch=scene.batch,
            accumulate=scene.accumulate,
            lr=scene.lr,
            warmup=scene.warmup,
            ema_decay=scene.ema_decay,
            grad_clip=scene.grad_clip,
            seed=seed,
            prediction=scene.prediction,
            timesteps=scene.timesteps,
        )

    def network(self) -> nn.Module:
        """The network at the start."""
        return self.stages.unet.SimpleUNet(**SMALL).to(memory_format=torch.channels_last)

    def loss(self) -> Any:
        """What is made small."""
        if not self.scene.broken:
            return self.stages.noising.denoising_loss
        calls = count(1)

        def broken(*arguments: Any) -> Tensor:
            loss = self.stages.noising.denoising_loss(*arguments)
            return loss * torch.nan if next(calls) == self.scene.broken else loss

        return broken

    @torch.no_grad()
    def show(self, network: nn.Module) -> Outcome:
        """What the trained network is good for."""
        x_T = torch.randn(SAMPLES, 1, 28, 28, generator=seeded(self.seed, 6))
        schedule, generator = self.stages.schedule.make_schedule("cosine"), seeded(self.seed, 7)
        ways = {"steps": 20, "prediction": self.scene.prediction}
        return Outcome(self.stages.sampler.sample(network, x_T, schedule, generator=generator, **ways))

    def show_weights(self, weights: dict[str, Tensor]) -> Outcome:
        """What a network with these weights is good for."""
        network = self.network()
        network.load_state_dict(weights)
        return self.show(network)


class TrainedRefinerRunner(TrainedRunner):
    scene: TrainedRefiner

    def settings(self, seed: int) -> TrainSettings:
        return replace(super().settings(seed), t_below=500)

    def network(self) -> nn.Module:
        return self.stages.refiner.ImprovedRefinementNetwork().to(memory_format=torch.channels_last)

    def loss(self) -> Any:
        return self.stages.refiner.refiner_loss

    @torch.no_grad()
    def show(self, network: nn.Module) -> Outcome:
        scene, before = self.scene, hasty(self.seed)
        schedule, generator = self.stages.schedule.make_schedule("cosine"), seeded(self.seed, 9)
        after = self.stages.refiner.refine(
            network, before.clone(), schedule, generator, scene.t_start, scene.prediction
        )
        return Outcome(after, before=before)


class TrainedToldRunner(TrainedRunner):
    scene: TrainedTold

    def train(self) -> tuple[Any, list[float], str]:
        training, losses = self.begin(self.seed), list[float]()
        x0 = self.stages.guidance.with_labels(images(), load_sample("mnist").labels[::EVERY])
        try:
            losses += [step.loss for step in self.stages.trainer.fit(training, x0)]
        except ValueError as error:  # Diverged
            return training, losses, one_line(error)
        return training, losses, ""

    def network(self) -> nn.Module:
        network = self.stages.guidance.ConditionalUNet()
        weights = classes().network.state_dict()
        del weights["classes.weight"]  # how to listen is learned in minutes, not in seconds; what to listen to is not
        network.load_state_dict(weights, strict=False)
        return network.to(memory_format=torch.channels_last)

    def loss(self) -> Any:
        return self.stages.guidance.conditional_loss

    @torch.no_grad()
    def show(self, network: nn.Module) -> Outcome:
        scene = self.scene
        labels = in_turn(scene.labels, SAMPLES)
        model = partial(self.stages.guidance.guided, network, labels=labels, guidance_scale=scene.guidance_scale)
        x_T = torch.randn(SAMPLES, 1, 28, 28, generator=seeded(self.seed, 6))
        schedule, generator = self.stages.schedule.make_schedule("cosine"), seeded(self.seed, 7)
        ways = {"steps": 10, "prediction": scene.prediction}
        return Outcome(self.stages.sampler.sample(model, x_T, schedule, generator=generator, **ways))


class TrainedConsistentRunner(TrainedRunner):
    scene: TrainedConsistent

    def train(self) -> tuple[Any, list[float], str]:
        training, losses = self.begin(self.seed), list[float]()
        try:
            losses += [step.loss for step in self.stages.consistency.tune(training, images().clone())]
        except ValueError as error:  # Diverged
            return training, losses, one_line(error)
        return training, losses, ""

    def network(self) -> nn.Module:
        return with_shipped_weights(self.stages.unet.SimpleUNet())

    @torch.no_grad()
    def show(self, network: nn.Module) -> Outcome:
        x_T = torch.randn(SAMPLES, 1, 28, 28, generator=seeded(self.seed, 6))
        schedule = self.stages.schedule.make_schedule("cosine")
        ways = {"generator": seeded(self.seed, 7), "steps": self.scene.jumps}
        return Outcome(self.stages.consistency.sample_by_jumps(network, x_T, schedule, **ways))


# --- on several processes --------------------------------------------------------------------------------------------


def together(runner: TrainedRunner) -> tuple[nn.Module, list[float], str]:
    """Train in several processes of this machine, and take the first one's network."""
    processes = runner.scene.processes
    loopback = {"GLOO_SOCKET_IFNAME": "lo", "TORCHELASTIC_RUN_ID": "scene", "WORLD_SIZE": str(processes)}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.pt")
        name = runner.mistake.name if runner.mistake else ""
        command = [sys.executable, "-m", __name__, name, str(runner.seed), str(result)]
        environment = {**os.environ, **loopback, distributed.STORE: f"{folder}/store", "OMP_NUM_THREADS": "1"}
        workers = [
            subprocess.Popen(
                command, env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stderr=subprocess.PIPE
            )
            for rank in range(processes)
        ]
        said = [worker.communicate()[1].decode() for worker in workers]
        if any(worker.returncode for worker in workers):
            raise RuntimeError(next(text for text in said if text).strip().splitlines()[-1])
        weights, losses = torch.load(result, weights_only=True)
    network = runner.network()
    network.load_state_dict(weights)
    return network, losses, ""


def one_of_many(name: str, seed: int, result: Path) -> None:
    """A process's part of a training together."""
    mistake = find_mistake(name)[1] if name else None
    torch.set_num_threads(1)
    with distributed.together():
        training, losses, error = TrainedRunner(Trained(processes=2), mistake, seed).train()
        if error:
            raise RuntimeError(error)
        if distributed.rank() == 0:
            torch.save((training.ema.state_dict(), losses), result)
        del training


# --- which kind of scene is run how ----------------------------------------------------------------------------------

RUNNERS: dict[type[Scene], type[Runner]] = {
    Sampled: SampledRunner,
    ByTheTable: ByTheTableRunner,
    Refined: RefinedRunner,
    Told: ToldRunner,
    Completed: CompletedRunner,
    FromSketch: FromSketchRunner,
    Guessed: GuessedRunner,
    Jumped: JumpedRunner,
    Trained: TrainedRunner,
    TrainedRefiner: TrainedRefinerRunner,
    TrainedTold: TrainedToldRunner,
    TrainedConsistent: TrainedConsistentRunner,
}

# From which of the package's functions and classes a run starts. Neither reading files nor starting processes counts:
# the one is known by what is in the files, the other changes nothing in what comes out, as its tests show.
CODE: dict[type[Scene], tuple[Callable[..., Any], ...]] = {
    Sampled: (make_schedule, SimpleUNet, sample, seeded),
    ByTheTable: (make_schedule, SimpleUNet, denoise, posterior, seeded, draw_like),
    Refined: (make_schedule, ImprovedRefinementNetwork, refine, seeded, SimpleUNet, sample),
    Told: (make_schedule, ConditionalUNet, guided, sample, seeded),
    Completed: (make_schedule, SimpleUNet, complete, seeded),
    FromSketch: (make_schedule, SimpleUNet, from_sketch, seeded),
    Guessed: (make_schedule, SimpleUNet, q_sample, jump, seeded, draw_like),
    Jumped: (make_schedule, SimpleUNet, sample_by_jumps, seeded),
    Trained: (make_schedule, SimpleUNet, denoising_loss, TrainSettings, Training, fit, sample, seeded),
    TrainedRefiner: (
        make_schedule, ImprovedRefinementNetwork, refiner_loss, TrainSettings, Training, fit, refine, seeded,
        SimpleUNet, sample,
    ),
    TrainedTold: (
        make_schedule, ConditionalUNet, with_labels, conditional_loss, guided, TrainSettings, Training, fit, sample,
        seeded,
    ),
    TrainedConsistent: (make_schedule, SimpleUNet, TrainSettings, Training, tune, sample_by_jumps, seeded),
}  # fmt: skip


if __name__ == "__main__":
    one_of_many(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
