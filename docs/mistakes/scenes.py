"""What is run to see what a mistake does: the package's own stages with the mistake in one of them.

A scene is a way to get samples: from the weights that come with the package, or from a short training. Each is run
twice, without the mistake and with it, from the same seed; make.py sets the two beside each other.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, islice
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from cdm_tutor import checkpoint, distributed
from cdm_tutor.course.learner import Implementation, load, standing_in
from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.data import load_sample
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.settings import TrainSettings

N = 64  # samples of each run; the first few are shown
EVERY = 5  # of the embedded images every fifth is trained on: a few epochs are soon over
SMALL = {"channels": (16, 32), "blocks": (1, 1)}  # the network of the short trainings
STAGES = tuple(lesson.module for lesson in LESSONS)


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        samples: (N, 1, 28, 28), if it got that far.
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


def stages(mistake: Mistake | None) -> dict[str, ModuleType]:
    """The six stages, each built on the ones before, with the mistake in its place."""
    implementation = Implementation("mistake", mistake.name) if mistake else Implementation("reference")
    made: dict[str, ModuleType] = {}
    for lesson in LESSONS:
        source, where = implementation.source(lesson, Path())
        with standing_in(made):
            made[lesson.module] = load(source, lesson.module, where)
    return made


def attempt(scene: "Scene", mistake: Mistake | None, seed: int = 0) -> Outcome:
    """Run a scene; whatever it raises is what it ended with."""
    torch.manual_seed(seed)
    start = time.process_time()
    try:
        done = scene.run(SimpleNamespace(**stages(mistake)), mistake, seed)
    except Exception as error:
        done = Outcome(error=one_line(error))
    return done if done.seconds else replace(done, seconds=time.process_time() - start)


def one_line(error: BaseException) -> str:
    """As the last line of a traceback; of several lines the first."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


class Scene:
    """One way to run the stages; its fields say how."""

    uses: tuple[str, ...] = ()  # of the stages

    @property
    def how(self) -> str:
        """What is run, in words."""
        raise NotImplementedError

    def run(self, its: SimpleNamespace, mistake: Mistake | None, seed: int) -> Outcome:
        """Run it on these stages."""
        raise NotImplementedError


# --- from the weights that come with the package ---------------------------------------------------------------------


@cache
def shipped(stage: str = "unet") -> tuple[dict[str, Tensor], checkpoint.ModelCard]:
    """The weights of a network that comes with the package, and its card."""
    trained = checkpoint.load_weights(checkpoint.shipped_weights("mnist", stage))
    return trained.network.state_dict(), trained.card


def with_shipped_weights(network: nn.Module, stage: str = "unet") -> nn.Module:
    """A network, mistaken perhaps, with the weights that the right one was trained to."""
    network.load_state_dict(shipped(stage)[0])
    return network.to(memory_format=torch.channels_last)


class AtLevel:
    """The shipped network under another schedule: it is told the step of its own schedule that is equally noisy.

    With `noise` its answer, a velocity, is turned into the noise.
    """

    def __init__(self, network: nn.Module, log_snr: Tensor, noise: bool) -> None:
        own = shipped()[1].make_schedule()
        self.network, self.noise = network, noise
        self.step = (own.log_snr[None] - log_snr[:, None]).abs().argmin(dim=1)
        self.signal, self.sigma = own.sqrt_alphas_cumprod, own.sqrt_one_minus_alphas_cumprod

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        step = self.step[t]
        v = self.network(x_t, step)
        return self.sigma[step].view(-1, 1, 1, 1) * x_t + self.signal[step].view(-1, 1, 1, 1) * v if self.noise else v


@dataclass(frozen=True)
class Sampled(Scene):
    """Samples from the shipped network.

    Attributes:
        solver, steps, eta, n: as of the sampler.
        noise: whether the network is made to predict noise; else it predicts v, as it was trained to.
        schedule, T: of the noise. Another than the network's own is matched to it by noise level.
        level: whose noise level, where they are matched: that of the schedule as it is, as if the network had been
            trained with it, or the "right" one's.
        again: run it twice from the same x_T, with the "same" noise or "other".
    """

    solver: str = "dpm"
    steps: int = 20
    eta: float | None = None
    n: int = N
    noise: bool = False
    schedule: str = "cosine"
    T: int = 1000
    again: str = ""
    uses = ("schedule", "noising", "unet", "sampler")

    @property
    def how(self) -> str:
        names = {"dpm": "DPM-Solver++", "ddim": "DDIM", "ddpm": "DDPM"}
        text = f"the package's weights, {self.steps} steps of {names[self.solver]}"
        text += f" with eta = {self.eta:g}" if self.eta is not None else ""
        text += f", {self.schedule} schedule of {self.T} steps" if (self.schedule, self.T) != ("cosine", 1000) else ""
        text += ", asked for the noise" if self.noise else ""
        return text + {"same": ", twice from the same noise", "other": ", twice from the same x_T", "": ""}[self.again]

    def run(self, its: SimpleNamespace, mistake: Mistake | None, seed: int) -> Outcome:
        schedule = its.schedule.make_schedule(self.schedule, self.T)
        network: Any = with_shipped_weights(its.unet.SimpleUNet())
        if self.noise or (self.schedule, self.T) != ("cosine", 1000):
            snr = torch.log(schedule.alphas_cumprod) - torch.log1p(-schedule.alphas_cumprod)
            network = AtLevel(network, snr, self.noise)
        x_T = torch.randn(self.n, 1, 28, 28, generator=seeded(seed, 6))

        def draw(number: int) -> Tensor:
            return self.walk(its, network, x_T, schedule, seeded(seed, number)).detach()

        samples = draw(7)
        second = draw(7 if self.again == "same" else 8) if self.again else None
        return Outcome(samples, again=second)

    def walk(
        self, its: SimpleNamespace, network: Any, x_T: Tensor, schedule: Any, generator: torch.Generator
    ) -> Tensor:
        """From pure noise to images."""
        prediction = "noise" if self.noise else "v"
        ways = {"solver": self.solver, "steps": self.steps, "eta": self.eta, "prediction": prediction}
        return its.sampler.sample(network, x_T, schedule, generator=generator, **ways)


@dataclass(frozen=True)
class ByTheTable(Sampled):
    """A DDPM sampler that visits every step, and reads its variance in the schedule's own table."""

    solver: str = "ddpm"
    T: int = 50
    steps: int = 50

    @property
    def how(self) -> str:
        return f"the package's weights, all {self.steps} steps of a short schedule by DDPM, its variance by the table"

    def walk(
        self, its: SimpleNamespace, network: Any, x_T: Tensor, schedule: Any, generator: torch.Generator
    ) -> Tensor:
        x = x_T
        for t in reversed(range(self.T)):
            guess = its.sampler.denoise(network, x, t, schedule, "v")
            mean, _ = its.sampler.posterior(x, guess, t - 1, schedule)
            x = mean + schedule.posterior_variance[t].sqrt() * draw_like(x, generator)
        return x


@cache
def faulty(seed: int) -> Tensor:
    """Samples drawn in only six DDIM steps, so that there is something to mend."""
    return attempt(Sampled("ddim", 6), None, seed).samples


@dataclass(frozen=True)
class Refined(Scene):
    """Hasty samples, refined by the shipped refiner."""

    t_start: int = 200
    T: int = 1000
    again: str = ""
    uses = ("schedule", "noising", "unet", "sampler", "refiner")

    @property
    def how(self) -> str:
        text = f"six steps of DDIM, refined from step {self.t_start} by the refiner that comes with the package"
        return text + (", twice from the same noise" if self.again else "")

    def run(self, its: SimpleNamespace, mistake: Mistake | None, seed: int) -> Outcome:
        card = shipped("refiner")[1]
        network = with_shipped_weights(its.refiner.ImprovedRefinementNetwork(), "refiner")
        schedule, before = its.schedule.make_schedule(card.schedule, card.T), faulty(seed)

        def mend() -> Tensor:
            with torch.no_grad():
                return its.refiner.refine(
                    network, before.clone(), schedule, seeded(seed, 9), self.t_start, card.prediction
                )

        return Outcome(mend(), again=mend() if self.again else None, before=before)


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


@dataclass(frozen=True)
class Trained(Scene):
    """A small network trained from nothing for a few seconds, and samples from its averaged weights.

    Attributes:
        steps, batch, lr, accumulate, prediction, timesteps, ema_decay: as in TrainSettings.
        minutes: train by the clock instead, which ticks thirty times a second.
        stopped: after so many steps, stop and go on in a new Training.
        whole: go on with the same Training instead.
        broken: at that step the loss is no number, as after an overflow.
        processes: how many.
        cut: the longest gradient allowed.
    """

    steps: int = 320
    batch: int = 16
    lr: float = 7e-3
    accumulate: int = 1
    prediction: str = "v"
    timesteps: str = "focused"
    ema_decay: float = 0.999
    minutes: float | None = None
    stopped: int = 0
    whole: bool = False
    broken: int = 0
    processes: int = 1
    cut: float = 1.0
    warmup: int = 40
    uses = STAGES[:4] + ("trainer",)  # noqa: RUF005

    @property
    def how(self) -> str:
        text = f"a small network, trained for {self.steps} steps of {self.batch} images"
        text += f" by the clock, {self.minutes * 60:.0f} seconds of it" if self.minutes else ""
        text += f", in {self.accumulate} parts each" if self.accumulate > 1 else ""
        text += f", stopped after {self.stopped} and gone on with" if self.stopped else ""
        text += f", where the loss of step {self.broken} is no number" if self.broken else ""
        text += f", on {self.processes} processes" if self.processes > 1 else ""
        return text

    def settings(self, seed: int) -> TrainSettings:
        return TrainSettings(
            steps=None if self.minutes else self.steps,
            minutes=self.minutes,
            batch=self.batch,
            accumulate=self.accumulate,
            lr=self.lr,
            warmup=self.warmup,
            ema_decay=self.ema_decay,
            grad_clip=self.cut,
            seed=seed,
            prediction=self.prediction,
            timesteps=self.timesteps,
        )

    def network(self, its: SimpleNamespace) -> nn.Module:
        """The network at the start."""
        return its.unet.SimpleUNet(**SMALL).to(memory_format=torch.channels_last)

    def loss(self, its: SimpleNamespace) -> Any:
        """What is made small."""
        if not self.broken:
            return its.noising.denoising_loss
        calls = count(1)

        def broken(*arguments: Any) -> Tensor:
            loss = its.noising.denoising_loss(*arguments)
            return loss * torch.nan if next(calls) == self.broken else loss

        return broken

    def begin(self, its: SimpleNamespace, seed: int) -> Any:
        torch.manual_seed(seed)
        schedule = its.schedule.make_schedule("cosine")
        return its.trainer.Training(self.network(its), schedule, self.settings(seed), self.loss(its))

    def train(self, its: SimpleNamespace, seed: int) -> tuple[Any, list[float], str]:
        """Train, stopping and going on as asked; the training, the loss of each step, and how it ended if not well."""
        if self.minutes:
            its.trainer.time = Clock()
        x0, losses = images().clone(), []
        training = self.begin(its, seed)
        try:
            if self.stopped:
                losses += [step.loss for step in islice(its.trainer.fit(training, x0), self.stopped)]
                if not self.whole:
                    state = training.state_dict()
                    training = self.begin(its, seed + 1)  # other weights, until they are loaded
                    object.__setattr__(training.settings, "seed", seed)
                    training.load_state_dict(state)
            limit = self.steps + self.steps // 5 - len(losses)
            for step in islice(its.trainer.fit(training, x0), limit):
                losses.append(step.loss)
        except ValueError as error:  # Diverged: what was learned so far is still there
            return training, losses, one_line(error)
        return training, losses, ""

    def run(self, its: SimpleNamespace, mistake: Mistake | None, seed: int) -> Outcome:
        start = time.process_time()
        if self.processes > 1:
            network, losses, error = together(self, its, mistake, seed)
        else:
            training, losses, error = self.train(its, seed)
            network = training.ema
        seconds = time.process_time() - start
        ended = f"still training after {len(losses)} steps" if len(losses) > self.steps else ""
        done = self.show(its, network, seed)
        state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return replace(done, losses=tuple(losses), weights=state, error=error, note=ended, seconds=seconds)

    def once_more(self, done: Outcome, mistake: Mistake | None, seed: int) -> Outcome:
        """What was trained, shown with other noise."""
        its = SimpleNamespace(**stages(mistake))
        network = self.network(its)
        network.load_state_dict(done.weights)
        return self.show(its, network, seed)

    @torch.no_grad()
    def show(self, its: SimpleNamespace, network: nn.Module, seed: int) -> Outcome:
        """What the trained network is good for."""
        x_T = torch.randn(N, 1, 28, 28, generator=seeded(seed, 6))
        schedule = its.schedule.make_schedule("cosine")
        generator = seeded(seed, 7)
        return Outcome(
            its.sampler.sample(network, x_T, schedule, generator=generator, steps=20, prediction=self.prediction)
        )


@dataclass(frozen=True)
class TrainedRefiner(Trained):
    """A refiner trained from nothing for a few seconds, and what it makes of hasty samples."""

    steps: int = 150
    lr: float = 4e-3
    warmup: int = 50
    t_start: int = 200
    timesteps: str = "uniform"
    uses = STAGES

    @property
    def how(self) -> str:
        text = f"a refiner, trained for {self.steps} steps of {self.batch} images"
        return f"{text}, refining six steps of DDIM from step {self.t_start}"

    def settings(self, seed: int) -> TrainSettings:
        return replace(super().settings(seed), t_below=500)

    def network(self, its: SimpleNamespace) -> nn.Module:
        return its.refiner.ImprovedRefinementNetwork().to(memory_format=torch.channels_last)

    def loss(self, its: SimpleNamespace) -> Any:
        return its.refiner.refiner_loss

    @torch.no_grad()
    def show(self, its: SimpleNamespace, network: nn.Module, seed: int) -> Outcome:
        schedule, before = its.schedule.make_schedule("cosine"), faulty(seed)
        after = its.refiner.refine(network, before.clone(), schedule, seeded(seed, 9), self.t_start, self.prediction)
        return Outcome(after, before=before)


# --- on several processes --------------------------------------------------------------------------------------------


def together(
    scene: Trained, its: SimpleNamespace, mistake: Mistake | None, seed: int
) -> tuple[nn.Module, list[float], str]:
    """Train in several processes of this machine, and take the first one's network."""
    loopback = {"GLOO_SOCKET_IFNAME": "lo", "TORCHELASTIC_RUN_ID": "scene", "WORLD_SIZE": str(scene.processes)}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.pt")
        command = [sys.executable, __file__, mistake.name if mistake else "", str(seed), str(result)]
        environment = {**os.environ, **loopback, distributed.STORE: f"{folder}/store", "OMP_NUM_THREADS": "1"}
        workers = [
            subprocess.Popen(
                command, env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stderr=subprocess.PIPE
            )
            for rank in range(scene.processes)
        ]
        said = [worker.communicate()[1].decode() for worker in workers]
        if any(worker.returncode for worker in workers):
            raise RuntimeError(next(text for text in said if text).strip().splitlines()[-1])
        state, losses = torch.load(result, weights_only=True)
    network = scene.network(its)
    network.load_state_dict(state)
    return network, losses, ""


def one_of_many(name: str, seed: int, result: Path) -> None:
    """A process's part of a training together."""
    mistake = find(name) if name else None
    scene = Trained(processes=2)
    torch.set_num_threads(1)
    with distributed.together():
        training, losses, error = scene.train(SimpleNamespace(**stages(mistake)), seed)
        if error:
            raise RuntimeError(error)
        if distributed.rank() == 0:
            torch.save((training.ema.state_dict(), losses), result)
        del training


# --- which mistake is seen in which scene ----------------------------------------------------------------------------


def find(name: str) -> Mistake:
    """The known mistake of that name."""
    from cdm_tutor.course.mistakes import mistakes_of

    return next(mistake for lesson in LESSONS for mistake in mistakes_of(lesson) if mistake.name == name)


BY_EXERCISE: dict[str, tuple[Scene, ...]] = {
    "linear_betas": (Sampled(schedule="linear", T=100),),
    "cosine_betas": (Sampled(),),
    "posterior_variance": (ByTheTable(),),
    "log_snr": (Sampled(),),
    "NoiseSchedule.from_betas": (Sampled(),),
    "gather": (Trained(),),
    "q_sample": (Trained(),),
    "predict_x0": (Sampled("ddim", noise=True),),
    "predict_noise": (Sampled("ddim"),),
    "velocity": (Trained(),),
    "predict_x0_from_velocity": (Sampled("ddim"),),
    "denoising_loss": (Trained(),),
    "denoise": (Sampled(),),
    "spaced_timesteps": (Sampled("ddim", 10),),
    "posterior": (Sampled("ddpm", 50),),
    "p_sample": (Sampled("ddpm", 50),),
    "ddim_step": (Sampled("ddim", 20),),
    "dpm_step": (Sampled("dpm", 8),),
    "dpm_walk": (Sampled("dpm", 8),),
    "sample": (Sampled("dpm", 8),),
    "ImprovedRefinementNetwork.__init__": (TrainedRefiner(),),
    "renoise": (Refined(),),
    "perturb": (TrainedRefiner(),),
    "refiner_loss": (TrainedRefiner(),),
    "refiner_steps": (Refined(),),
    "refine": (Refined(),),
    "learning_rate": (Trained(),),
    "update_ema": (Trained(),),
    "share_of_epoch": (Trained(),),
    "draw_batch": (Trained(),),
    "Training.load_state_dict": (Trained(stopped=210),),
    "train_step": (Trained(),),
    "fit": (Trained(),),
}
IN_THE_NETWORK = (Trained(),)  # for the exercises of lesson 3
WITH_BOTH = (Sampled(), Trained())  # weights trained elsewhere, and from nothing
BY_NAME: dict[str, tuple[Scene, ...]] = {
    "linear-not-cut": (Sampled(schedule="linear", T=20),),
    "linear-ends-cut": (Sampled("ddim", 10, schedule="linear", T=10),),
    "linear-stops-short": (Sampled(schedule="linear", T=100),),
    "posterior-is-beta": (ByTheTable(T=20, steps=20),),
    "previous-not-shifted": (ByTheTable(T=20, steps=20),),
    "previous-starts-at-zero": (ByTheTable(),),
    "sigma-without-root": (Sampled("ddim"),),
    "x0-clipped": (Sampled("ddim", noise=True),),
    "loss-always-of-the-noise": (Trained(),),
    **dict.fromkeys(
        (
            "embedding-small-base", "embedding-reaches-too-far", "embedding-sines-first", "embedding-interleaved",
            "embedding-slow-to-fast",
            "embedding-of-fractions", "block-scale-without-one", "block-shift-first", "block-ignores-the-time",
            "block-time-before-norm", "block-without-residual", "block-second-silu-missing", "attention-keys-ask",
            "attention-over-queries", "attention-among-channels", "skips-before-their-blocks", "decode-skip-in-front",
            "unet-time-in-fractions", "unet-time-dropped", "unet-time-mlp-unused", "unet-middle-skipped",
            "unet-attention-unused", "unet-last-norm-unused", "unet-folds-by-reshape", "unet-unfolds-by-reshape",
            "unet-output-squashed", "attention-scrambles-positions", "attention-across-images",
            "block-statistics-of-the-batch",
        ),
        WITH_BOTH,
    ),
    "guess-not-clipped": (Trained(steps=900, prediction="noise", timesteps="uniform"),),
    "noise-not-recomputed": (Sampled("ddim", 50),),
    "clipped-at-black-grey": (Sampled(),),
    "gradients-kept": (Sampled(n=16, steps=10),),
    "spacing-leads": (Sampled("ddim", 5),),
    "last-step-stops-at-zero": (Sampled("ddim", 10),),
    "spacing-by-whole-strides": (Sampled("ddim", 60, T=100),),
    "variance-of-the-table": (Sampled("ddpm", 10),),
    "a-thousand-steps": (Sampled("dpm", 8, T=100),),
    "eta-without-effect": (Sampled("ddpm", 50, eta=0.7),),
    "variance-of-the-stride": (Sampled("ddpm", 10),),
    "ddim-noise-twice": (Sampled("ddim", 20, eta=1.0),),
    "ddim-eta-not-squared": (Sampled("ddim", 20, eta=0.3),),
    "generator-not-used": (Sampled("dpm", 8, again="same"),),
    "eta-of-zero-is-none": (Sampled("dpm", 8, eta=0.0, again="other"),),
    "x-T-overwritten": (Sampled("dpm", 8, again="same"),),
    "corrects-every-solver": (Sampled("ddpm", 20),),
    "prediction-not-passed-on": (Sampled("ddim", 20),),
    "prediction-ignored": (Sampled("ddim", 20),),
    "refined-by-global-chance": (Refined(again="same"),),
    "refiner-start-not-checked": (Refined(t_start=-1),),
    "refiner-start-of-zero": (Refined(t_start=0),),
    "ema-ignores-decay": (Trained(ema_decay=0.95),),
    "average-not-restored": (Trained(stopped=300),),
    "seconds-not-restored": (Trained(stopped=210, minutes=320 / 30 / 60),),
    "seconds-not-counted": (Trained(minutes=320 / 30 / 60),),
    "fit-starts-anew": (Trained(stopped=210, whole=True),),
    "zero-grad-between-parts": (Trained(accumulate=4),),
    "mean-of-each-part": (Trained(accumulate=4),),
    "nan-into-the-weights": (Trained(broken=290),),
    "always-the-denoising-loss": (TrainedRefiner(),),
    "t-below-ignored": (TrainedRefiner(),),
    **dict.fromkeys(
        (
            "each-process-its-own-order", "share-is-everything", "each-process-the-same-noise",
            "draws-depend-on-the-process", "mean-of-own-share", "bare-network-called", "each-process-the-whole-batch",
        ),
        (Trained(processes=2),),
    ),
}  # fmt: skip


def scenes_of(mistake: Mistake) -> tuple[Scene, ...]:
    """The scenes in which a mistake is seen."""
    return BY_NAME.get(mistake.name) or BY_EXERCISE.get(mistake.exercise, IN_THE_NETWORK)


if __name__ == "__main__":
    one_of_many(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
