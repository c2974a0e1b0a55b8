"""A training run and its folder: what it was asked for, how far it is, what it has made.

run.json            settings, model card, and how many images it is trained on
state.pt            all that it takes to go on
model.safetensors   the averaged weights, to sample from
log.jsonl           one line a step: step, loss, lr, seconds
preview.png         samples drawn while training
"""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from threading import Event, current_thread, main_thread

import torch
from torch import Tensor

from cdm_tutor.checkpoint import ModelCard, load_state, save_state, save_weights
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.noising import denoising_loss
from cdm_tutor.plots import save_grid
from cdm_tutor.refiner import refiner_loss
from cdm_tutor.trainer import Step, Training, TrainSettings, fit

SAVE_EVERY = 60.0  # seconds of training
PREVIEW = SampleSettings(n=16, steps=10)


class Run:
    """A training run in a folder, new or gone on with.

    Args:
        folder: where it lives.
        card: what the weights will be.
        settings: how to train.
        device: where to compute.
    """

    def __init__(self, folder: Path, card: ModelCard, settings: TrainSettings, device: str = "cpu") -> None:
        self.folder, self.card, self.device = folder, card, device
        torch.manual_seed(settings.seed)  # PyTorch initialises weights from its global generator only
        model = card.make_network().to(device)
        loss = refiner_loss if card.stage == "refiner" else denoising_loss
        self.training = Training(model, card.make_schedule().to(device), settings, loss)

    @classmethod
    def create(cls, folder: Path, card: ModelCard, settings: TrainSettings, images: int, device: str = "cpu") -> "Run":
        """Start a run in a folder that holds none yet, and save it once, so that a bad folder shows at once.

        Raises:
            ValueError: if the folder holds a run already.
            OSError: if it cannot be written.
        """
        if (folder / "run.json").exists():
            raise ValueError(f"{folder} holds a run already: --resume goes on with it, --out names another folder")
        run = cls(folder, card, settings, device)
        folder.mkdir(parents=True, exist_ok=True)
        described = {"card": asdict(card), "settings": asdict(settings), "images": images}
        (folder / "run.json").write_text(json.dumps(described, indent=2) + "\n")
        run.save()
        return run

    @classmethod
    def resume(
        cls, folder: Path, images: int, device: str = "cpu", *, steps: int | None = None, minutes: float | None = None
    ) -> "Run":
        """Go on with the run in a folder, to its own end or to a new one.

        Raises:
            FileNotFoundError: if the folder holds no run.
            ValueError: if its files are damaged, or it was trained on another number of images.
        """
        path = folder / "run.json"
        if not path.is_file():
            raise FileNotFoundError(f"nothing to resume in {folder}: no run.json")
        try:
            described = json.loads(path.read_text())
            card, settings = ModelCard(**described["card"]), TrainSettings(**described["settings"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
        if described.get("images") != images:
            raise ValueError(
                f"{folder} was started on {described.get('images')} images, these are {images}: "
                "give --data or --data-dir as then"
            )
        if steps or minutes:
            settings = replace(settings, steps=steps, minutes=minutes)
        run = cls(folder, card, settings, device)
        try:
            run.training.load_state_dict(load_state(folder / "state.pt"))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{folder / 'state.pt'} does not fit {path}: {error}") from error
        return run

    def save(self) -> None:
        """Write state and weights; a crash or a full disk leaves the last ones whole."""
        training = self.training
        save_state(self.folder / "state.pt", training.state_dict())
        facts = {
            "steps": training.step,
            "images": training.step * training.settings.batch,
            "minutes": round(training.seconds / 60, 1),
            "date": date.today().isoformat(),
            "settings": asdict(training.settings),
        }
        save_weights(self.folder / "model.safetensors", training.ema, replace(self.card, training=facts))

    def preview(self) -> None:
        """Draw a few samples, to see how it goes; a refiner has nothing to refine here and draws none."""
        if self.card.stage == "refiner":
            return
        samples = generate(self.training.ema, self.card, PREVIEW, device=self.device)
        save_grid(self.folder / "preview.png", samples)

    def steps(self, images: Tensor) -> Iterator[Step]:
        """Train to the end, saving and drawing previews on the way.

        Yields:
            each training step.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once the step under way is done and saved.
            Diverged: if the loss is no longer a number; the last save stays as it is.
        """
        training, saved = self.training, self.training.seconds
        with (self.folder / "log.jsonl").open("a", buffering=1) as log, interrupts() as interrupted:
            for step in fit(training, images.to(self.device)):
                log.write(json.dumps(asdict(step)) + "\n")
                yield step
                if interrupted.is_set():
                    self.save()
                    raise KeyboardInterrupt
                if training.seconds - saved > SAVE_EVERY:
                    saved = training.seconds
                    self.save()
                    self.preview()
        self.save()
        self.preview()


@contextmanager
def interrupts() -> Iterator[Event]:
    """While it lasts, Ctrl-C only sets the event: whoever looks at it stops where stopping is safe."""
    interrupted = Event()
    if current_thread() is not main_thread():  # only the main thread may say what Ctrl-C does
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
