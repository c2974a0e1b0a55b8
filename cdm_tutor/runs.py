"""A training run and its folder: what it was asked for, how far it is, what it has made.

run.json            settings, model card, and how many images it is trained on
checkpoints/        the last few states to go on from, newest last; each is written whole or not at all
model.safetensors   the averaged weights, to sample from
log.jsonl           one line a step: step, loss, the loss of each third of the timesteps, lr, seconds
loss.png            the loss over the steps: of all images, and of those noised little, halfway and much
preview.png         samples drawn while training
.lock               held by the process that trains; a second training is refused

Of several processes the first writes, and all read what it read.
"""

import json
import os
import reprlib
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from threading import current_thread, main_thread
from typing import IO, Any, TypeVar, cast

import torch
from torch import Tensor

from cdm_tutor import distributed
from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_newest, save_checkpoint, save_weights
from cdm_tutor.consistency import consistency_loss, tune
from cdm_tutor.critic import AdversarialTraining, Round
from cdm_tutor.data import check_images
from cdm_tutor.generate import SampleSettings, generate, usual_way
from cdm_tutor.guidance import conditional_loss, with_labels
from cdm_tutor.lock import lock, unlock
from cdm_tutor.noising import denoising_loss
from cdm_tutor.plots import save_grid, save_losses
from cdm_tutor.refiner import refiner_loss
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Loss, Step, Training, fit
from cdm_tutor.unet import SimpleUNet
from cdm_tutor.writing import whole

PREVIEW = SampleSettings(n=16, steps=10)
EVERY = 60.0  # seconds between saves
Done = TypeVar("Done", Step, Round)


class Stopped(Exception):
    """A signal asked for an end; all is saved. The number of the signal is its argument."""


class Run:
    """A training run in a folder, new or gone on with.

    Args:
        folder: where it lives.
        card: what the weights will be, and what the network predicts.
        settings: how to train; its prediction is the card's.
        device: where to compute.
        save_every: seconds between checkpoints.

    Raises:
        ValueError: if card, settings and device do not fit each other.
    """

    def __init__(
        self, folder: Path, card: ModelCard, settings: TrainSettings, device: str = "cpu", save_every: float = EVERY
    ) -> None:
        if not save_every >= 0:
            raise ValueError(f"expected a number of seconds between checkpoints, at least 0, got {save_every}")
        _check_fit(card, settings)
        settings = replace(settings, prediction=card.prediction)
        self.folder, self.card, self.device, self.save_every = folder, card, device, save_every
        self.lock: IO[str] | None = None  # in the first process only
        torch.manual_seed(settings.seed)  # PyTorch initialises weights from its global generator only
        model = card.make_network().to(device)
        losses = {"unet": denoising_loss, "refiner": refiner_loss, "consistency": consistency_loss}
        loss = cast(Loss, conditional_loss if card.classes else losses[card.stage])  # its model is asked with labels
        self.training = Training(model, card.make_schedule().to(device), settings, loss)

    @classmethod
    def create(
        cls,
        folder: Path,
        card: ModelCard,
        settings: TrainSettings,
        images: int,
        device: str = "cpu",
        save_every: float = EVERY,
        *,
        start: Trained | None = None,
    ) -> "Run":
        """Start a run in a folder that holds none yet, and save it once, so that a bad folder shows at once.

        It begins with fresh weights, or with those of `start`, a network of the same stage. One that is to be told
        classes, or to be consistent, may begin with a "unet" that is not: then it answers as that one until it has
        learned more.

        A start that fails leaves no run behind. The folder is locked until the steps are taken.

        Raises:
            ValueError: if the folder holds a run already, a training is at work there, there are too few images, or
                `start` is another kind of network.
            OSError: if it cannot be written.
        """
        settings.check_enough(images, distributed.world_size())
        run = cls(folder, card, settings, device, save_every)
        if start:
            run._begin_with(start)
        described = {"card": asdict(card), "settings": asdict(run.training.settings), "images": images}
        described["launch"] = distributed.launch_id()

        def begin() -> None:
            with _starting(folder) as run.lock:
                _check_free(folder)
                (folder / "log.jsonl").open("a").close()  # shows whether it can be written
                run._save_state()
                _write(folder / "run.json", json.dumps(described, indent=2) + "\n")  # now there is a run to resume
                run._save_weights()

        distributed.from_first(begin)
        return run

    @classmethod
    def resume(
        cls,
        folder: Path,
        images: int,
        device: str = "cpu",
        save_every: float = EVERY,
        *,
        steps: int | None = None,
        minutes: float | None = None,
    ) -> "Run":
        """Go on with the run in a folder from its newest whole checkpoint, to its own end or to a new one.

        The folder is locked until the steps are taken.

        Raises:
            FileNotFoundError: if the folder holds no run.
            ValueError: if its files are damaged, it was trained on another number of images, or is still in training.
        """
        path = folder / "run.json"
        held: list[IO[str]] = []

        def read() -> tuple[ModelCard, TrainSettings, dict[str, Any]]:
            if not path.is_file():
                raise FileNotFoundError(f"nothing to resume in {folder}: no run.json")
            held.append(lock(folder))
            card, settings, started_on = _described(path)
            if started_on != images:
                raise ValueError(
                    f"{folder} was started on {started_on} images, these are {images}: "
                    "give the same --data, --data-dir or folder as then"
                )
            settings.check_enough(images, distributed.world_size())
            state = load_newest(folder / "checkpoints")
            _shorten(folder / "log.jsonl", state["step"])
            return card, settings, state

        try:
            card, settings, state = distributed.from_first(read)
            if steps is not None or minutes is not None:
                settings = replace(settings, steps=steps, minutes=minutes)
            run = cls(folder, card, settings, device, save_every)
            try:
                run.training.load_state_dict(state)
            except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
                raise ValueError(f"the checkpoints in {folder} do not fit {path}: {error}") from error
        except BaseException:
            for file in held:
                file.close()
            raise
        run.lock = held[0] if held else None
        return run

    @staticmethod
    def card_of(folder: Path) -> ModelCard | None:
        """The card of the run in a folder; None if there is none that can be read: resume says why."""
        try:
            return _described(folder / "run.json")[0]
        except (OSError, ValueError):
            return None

    def _begin_with(self, start: Trained) -> None:
        """Take over the weights of a network; rows for classes that it has not stay at zero."""
        stages = {self.card.stage, "unet"} if self.card.stage == "consistency" else {self.card.stage}
        if start.card.stage not in stages or start.card.classes > self.card.classes:
            raise ValueError(f"expected to start with the weights of a {_kind(self.card)}, got a {_kind(start.card)}")
        for name in ("prediction", "schedule", "T", "shifted_by"):
            ours, theirs = getattr(self.card, name), getattr(start.card, name)
            if ours != theirs:
                raise ValueError(f"{name}: expected that of the weights to start with, {theirs}, got {ours}")
        if self.card.built != start.card.built:
            raise ValueError(f"expected a network to start with that is built as {self.card.built}, got another")
        for network in (self.training.model, self.training.ema):
            network.load_state_dict(start.network.state_dict(), strict=start.card.classes == self.card.classes)

    @staticmethod
    def was_cut_off(folder: Path) -> bool:
        """Whether the run in this folder was started by the very launch that we are part of: it has restarted us."""
        path, launch = folder / "run.json", distributed.launch_id()

        def ours() -> bool:
            try:
                return launch is not None and path.is_file() and _read_object(path).get("launch") == launch
            except ValueError:
                return False

        return distributed.from_first(ours)

    @property
    def trained(self) -> Trained:
        """What has been learned so far: the averaged weights."""
        return Trained(cast(SimpleUNet, self.training.ema), self.card)

    def save(self) -> None:
        """Write a checkpoint and the weights; a crash or a full disk leaves the last ones whole."""
        distributed.from_first(self._save)

    def _save(self) -> None:
        self._save_state()
        self._save_weights()

    def _save_state(self) -> None:
        save_checkpoint(self.folder / "checkpoints", self.training.state_dict())

    def _save_weights(self) -> None:
        training = self.training
        facts = {
            "steps": training.step,
            "images": training.step * training.settings.batch,
            "minutes": round(training.seconds / 60, 1),
            "date": date.today().isoformat(),
            "settings": asdict(training.settings),
        }
        known = replace(self.trained, card=replace(self.card, training=facts))
        save_weights(self.folder / "model.safetensors", known)

    def preview(self) -> None:
        """Draw the loss and a few samples, to see how it goes; a refiner has nothing to refine here: no samples.

        A picture that cannot be drawn is a warning, never the end of a training.
        """
        with drawing(self.folder / "loss.png"):
            distributed.from_first(self._draw_losses)
        if self.card.stage != "refiner":
            with drawing(self.folder / "preview.png"):
                self._draw_samples()

    def _draw_samples(self) -> None:
        settings = replace(replace(PREVIEW, steps=min(PREVIEW.steps, self.card.T)), **usual_way(self.card))
        samples = generate(self.trained, settings)
        distributed.from_first(lambda: save_grid(self.folder / "preview.png", samples))

    def _draw_losses(self) -> None:
        steps = [step for _, step in _logged(self.folder / "log.jsonl")]
        if not steps:
            return
        little, halfway, much = zip(*(step["thirds"] for step in steps), strict=True)
        curves = {"all images": [step["loss"] for step in steps], "much noise": much, "halfway": halfway}
        save_losses(self.folder / "loss.png", {**curves, "little noise": little})

    def steps(self, images: Tensor, labels: Tensor | None = None) -> Iterator[Step]:
        """Train to the end, saving and drawing previews on the way; labels for a network that is told classes.

        Yields:
            each training step.

        Raises:
            ValueError: if the images are not what the network is for, or it is to be told classes, and there are no
                labels.
            Stopped: after Ctrl-C or SIGTERM in any process, once the step under way is done and saved.
            Diverged: if the loss is no longer finite; the last save stays as it is.
        """
        log = self.folder / ("log.jsonl" if distributed.rank() == 0 else os.devnull)
        try:
            check_images(images, self.card.built.shape)
            if self.card.classes:
                if labels is None:
                    raise ValueError("expected labels to train a network that is told classes, got none")
                images = with_labels(images, labels)
            train = tune if self.card.stage == "consistency" else fit
            steps = train(self.training, images.to(self.device))
            seconds = self.training.seconds
            yield from kept(steps, log, self.save, self.preview, self.save_every, seconds, self.device)
        finally:
            if self.lock:
                self.lock.close()


def against_critic(
    folder: Path, training: AdversarialTraining, images: Tensor, samples: Tensor, save_every: float = EVERY
) -> Iterator[Round]:
    """Train a network against a critic, saving its weights and a picture, before above after, on the way.

    Args:
        folder: where to write.
        training: the network and its critic.
        images: real ones, (N, 1, 28, 28).
        samples: what the training drew to learn from.
        save_every: seconds between saves.

    Yields:
        each round.

    Raises:
        Stopped: after Ctrl-C or SIGTERM, once the round under way is done and saved.
        Diverged: if the loss is no longer finite; the last save stays as it is.
    """
    settings, card = training.settings, training.start.card
    few = samples[:: max(1, len(samples) // 16)][:16].to(training.start.device)

    def save() -> None:
        facts = {"rounds": training.step, "date": date.today().isoformat(), "minutes": round(training.seconds / 60, 1)}
        known = {**card.training, training.done: {**facts, "settings": asdict(settings)}}
        save_weights(folder / "model.safetensors", Trained(training.ema, replace(card, training=known)))
        with drawing(folder / "preview.png"):
            save_grid(folder / "preview.png", training.preview(few), columns=len(few))

    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)  # of one that was killed before it had saved anything
    yield from kept(training.rounds(images, samples), log, save, every=save_every)


def kept(
    steps: Iterator[Done],
    log: Path,
    save: Callable[[], None],
    draw: Callable[[], None] = lambda: None,
    every: float = EVERY,
    saved: float = 0.0,
    device: str = "cpu",
) -> Iterator[Done]:
    """Log the steps of a training, save on the way and at the end, stop when a signal asks for it.

    Args:
        steps: the training; each is handed on once it is logged.
        log: gets a line for each step.
        save: writes all that was learned.
        draw: shows how it goes, after a save; not after a signal, for somebody waits for the end.
        every: seconds between saves.
        saved: how long the training had taken when it was last saved.
        device: where processes that train together tell each other of signals.

    Raises:
        Stopped: after Ctrl-C or SIGTERM in any process, once the step under way is done and saved.
    """
    with log.open("a", buffering=1) as lines, signals() as received:
        for step in steps:
            lines.write(json.dumps(asdict(step)) + "\n")
            yield step
            if distributed.anywhere(bool(received), device):
                save()
                raise Stopped(received[0] if received else signal.SIGTERM)
            if step.seconds - saved >= every:
                saved = step.seconds
                save()
                draw()
        save()
    draw()


def _check_free(folder: Path) -> None:
    """Raise ValueError if a run, or what is left of one, would be written over or mixed with ours."""
    if (folder / "run.json").exists():
        raise ValueError(f"{folder} holds a run already: --resume goes on with it, --out names another folder")
    later = any(path.name.isdigit() and int(path.name) for path in (folder / "checkpoints").glob("*"))
    if later or (folder / "model.safetensors").exists():
        raise ValueError(f"{folder} holds weights already: --out names another folder")


@contextmanager
def _starting(folder: Path) -> Iterator[IO[str]]:
    """Make a folder and lock it, to fill it; after an error all that was made is gone, and nothing else."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = lock(folder)
        before = set(folder.iterdir())
        try:
            yield held
        except BaseException:
            for path in set(folder.iterdir()) - before:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
            unlock(folder, held)
            raise
    except BaseException:
        with suppress(OSError):  # no longer empty
            for path in new:
                path.rmdir()
        raise


def _kind(card: ModelCard) -> str:
    return f"{card.stage} with classes" if card.classes else card.stage


def _check_fit(card: ModelCard, settings: TrainSettings) -> None:
    if settings.t_below and settings.t_below > card.T:
        raise ValueError(f"t_below: expected at most T, {card.T}, got {settings.t_below}")


def _described(path: Path) -> tuple[ModelCard, TrainSettings, int]:
    """What run.json says: the card, the settings, and the number of images.

    Raises:
        ValueError: if it is not what `create` writes.
    """
    try:
        described = _read_object(path)
        if missing := {"card", "settings", "images"} - described.keys():
            raise ValueError(f"expected card, settings and images, got no {min(missing)}")
        images = described["images"]
        if type(images) is not int or images < 1:
            raise ValueError(f"images: expected a whole number from 1, got {reprlib.repr(images)}")
        card, settings = ModelCard.parse(described["card"]), TrainSettings.parse(described["settings"])
        _check_fit(card, settings)
        if settings.prediction != card.prediction:
            wrong = settings.prediction
            raise ValueError(f"prediction: expected that of the model card, {card.prediction}, got {wrong}")
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return card, settings, images


def _read_object(path: Path) -> dict[str, Any]:
    """The object in a file of JSON.

    Raises:
        ValueError: if there is none.
    """
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("too many brackets within each other") from error
    if not isinstance(described, dict):
        raise ValueError(f"expected an object, got {reprlib.repr(described)}")
    return described


def _write(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def _logged(log: Path) -> list[tuple[str, dict[str, Any]]]:
    """The whole lines of a log, each with what it says; a line that was torn, or is of another kind, is left out."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            step = json.loads(line)
            of_ours = type(step["step"]) is int and isinstance(step["loss"], float) and len(step["thirds"]) == 3
            if of_ours and all(third is None or isinstance(third, float) for third in step["thirds"]):
                found.append((line, step))
        except (KeyError, RecursionError, TypeError, ValueError):
            continue
    return found


def _shorten(log: Path, steps: int) -> None:
    """Drop what the log tells of steps after the checkpoint, and lines that were not finished."""
    if log.exists():
        _write(log, "".join(f"{line}\n" for line, step in _logged(log) if step["step"] <= steps))


@contextmanager
def drawing(picture: Path) -> Iterator[None]:
    """While it lasts, an error is only a warning: a picture that cannot be drawn never ends a training."""
    try:
        yield
    except Exception as error:  # of the disk, of the log, of matplotlib, of Pillow: whatever it is
        if distributed.rank() == 0:
            text = " ".join(str(error).split()) or type(error).__name__
            warnings.warn(f"could not draw {picture}, the training goes on: {text}", stacklevel=3)


@contextmanager
def signals() -> Iterator[list[int]]:
    """While it lasts, Ctrl-C and SIGTERM are only noted: whoever looks at the list stops where stopping is safe."""
    received: list[int] = []
    if current_thread() is not main_thread():  # only the main thread may say what a signal does
        yield received
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _: received.append(got)) for number in numbers]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
