"""Weights, and the state of a training run that can go on.

Weights are safetensors: numbers with a header that says what network they belong to and what it
predicts. A file that could run code when it is loaded (a pickle) is refused. Whatever is written is
written whole or not at all, and only if all its numbers are finite.
"""

import hashlib
import json
import reprlib
import shutil
import warnings
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cdm_tutor.card import ModelCard
from cdm_tutor.choices import Stage
from cdm_tutor.data import ASSETS, CLASS_NAMES, check_name
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.unet import SimpleUNet
from cdm_tutor.writing import whole

WEIGHTS = ("model", "ema")  # the parts of a run's state that are weights
DIGESTS = "sha256.json"  # tells a whole checkpoint from a torn or rotten one
MOST_BYTES = 500_000_000  # of a file of weights; ours are a few millions


@dataclass(frozen=True)
class Trained:
    """A network and its card, which travel together.

    Attributes:
        network: of any channels, blocks and fold, with or without attention.
        card: what one must know to use it.
    """

    network: SimpleUNet
    card: ModelCard

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @cached_property
    def schedule(self) -> NoiseSchedule:
        """The schedule the network was trained with, where the network is."""
        return self.card.make_schedule().to(self.device)

    def to(self, device: str) -> "Trained":
        """The same on another device."""
        return replace(self, network=self.network.to(device))


def save_weights(path: Path, trained: Trained, *, half: bool = False) -> None:
    """Write a network's weights and card as safetensors, all at once or not at all.

    Args:
        path: where to; its folder must exist.
        trained: the network and its card.
        half: round to half precision, for shipping.

    Raises:
        ValueError: if a number is not finite, or, for half precision, too large.
        OSError: if the file cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    weights = {
        name: value.detach().to("cpu", dtype).contiguous() for name, value in trained.network.state_dict().items()
    }
    _check_finite(weights, f"{path} is not written")
    with whole(path) as part:
        save_file(weights, part, metadata={"card": json.dumps(asdict(trained.card))})


def shipped_weights(name: str, stage: Stage = "unet", classes: bool = False) -> Path:
    """Where the trained network of a data set lies that comes with the package; with classes, the one that is told."""
    check_name(name)
    return ASSETS / f"{name}-{'classes' if classes else stage}.safetensors"


def load_weights(path: Path) -> Trained:
    """Read a network and its card back, in float32, ready to sample.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not weights of ours, is damaged, or fits another network, or its numbers are not
            finite.
    """
    weights, metadata = read_safetensors(path)
    if "card" not in metadata:
        raise ValueError(f"{path} has no model card: it was not written by cdm-tutor")
    try:
        card = ModelCard.parse(json.loads(metadata["card"], object_pairs_hook=_once_each))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is a checkpoint of another architecture: {_plain(error)}") from error
    network = card.make_network()
    fill(network, weights, path)
    return Trained(network, card)


def load_refiner(path: Path | None, refine: bool, data: str) -> Trained | None:
    """The refiner of a file, or else, if one is to `refine`, that which comes with the package; None for none."""
    if refine and not path and data not in CLASS_NAMES:
        raise ValueError(f"no refiner comes with the package for {data}: train one, and name it with --refiner")
    return load_weights(path or shipped_weights(data, "refiner")) if path or refine else None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON in which no field is named twice."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("expected a model card that names each field once")
    return dict(pairs)


def fill(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Put weights into a network, or say in one line why they do not fit.

    Raises:
        ValueError: if a name, a shape or a kind of number differs, or a number is not finite.
    """
    expected = model.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        for look in (_shape, _kind):
            ours, theirs = look(expected.get(name)), look(weights.get(name))
            if ours != theirs:
                difference = f"{_plain(name)} is {theirs}, expected {ours}"
                raise ValueError(f"{path} is a checkpoint of another architecture: {difference}")
    _check_finite(weights, f"{path} cannot be used")
    model.load_state_dict(weights)


def _shape(numbers: Tensor | None) -> str:
    return "None" if numbers is None else reprlib.repr(tuple(numbers.shape))


def _kind(numbers: Tensor | None) -> str:
    """Of one kind are the floats that save_weights and others write weights in."""
    dtype = numbers.dtype if numbers is not None else None
    return "floats of 16 or 32 bits" if dtype in (torch.float16, torch.bfloat16, torch.float32) else str(dtype)


def _check_finite(state: Any, what: str, name: str = "") -> None:
    """Raise ValueError if a number is not finite, however deep in tensors, lists and dictionaries it lies."""
    if (isinstance(state, Tensor) and not state.isfinite().all()) or (isinstance(state, float) and not isfinite(state)):
        raise ValueError(f"{what}: {name} holds numbers that are not finite")
    if isinstance(state, dict | list | tuple):
        for key, value in state.items() if isinstance(state, dict) else enumerate(state):
            _check_finite(value, what, f"{name}.{key}".lstrip("."))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file and its header's remarks.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no safetensors file, a damaged one, or larger than any of ours.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path} is no weights of ours: expected at most {MOST_BYTES:,} bytes")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except SafetensorError as error:
        with path.open("rb") as start:
            pickled = start.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
        if pickled:
            raise ValueError(
                f"{path} is a pickled file, which could run code when loaded: expected safetensors"
            ) from error
        raise ValueError(f"{path} is damaged, or not a safetensors file: {_plain(error)}") from error


def save_checkpoint(folder: Path, state: dict[str, Any], keep: int = 3) -> None:
    """Write a training run's state as folder/STEP, all at once or not at all, and delete all but the last few.

    The weights, "model" and "ema", are safetensors; the rest is of numbers and plain containers.

    Raises:
        ValueError: if a number is not finite.
        OSError: if it cannot be written.
    """
    path = folder / f"{state['step']:08d}"
    _check_finite(state, f"{path} is not written (the checkpoints before it are whole)")
    part = path.with_suffix(".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in WEIGHTS:
            save_file({key: value.contiguous() for key, value in state[name].items()}, part / f"{name}.safetensors")
        torch.save({key: value for key, value in state.items() if key not in WEIGHTS}, part / "rest.pt")
        (part / DIGESTS).write_text(json.dumps({file.name: _digest(file) for file in part.iterdir()}))
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    except (OSError, RuntimeError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise OSError(f"could not write {path} (the checkpoints before it are whole): {error}") from error
    for old in _checkpoints(folder)[:-keep]:
        shutil.rmtree(old)


def load_newest(folder: Path) -> dict[str, Any]:
    """Read the newest whole checkpoint; warns of each torn or damaged one that it passes over.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if none is whole.
    """
    for path in reversed(_checkpoints(folder)):
        try:
            return _load_checkpoint(path)
        except (OSError, ValueError) as error:
            warnings.warn(f"passing over the damaged checkpoint {path}: {error}", stacklevel=2)
    if _checkpoints(folder):
        raise ValueError(f"no checkpoint in {folder} is whole")
    raise FileNotFoundError(f"nothing to resume: no checkpoint in {folder}")


def _load_checkpoint(path: Path) -> dict[str, Any]:
    files = (*(f"{name}.safetensors" for name in WEIGHTS), "rest.pt")
    try:
        digests = json.loads((path / DIGESTS).read_text())
    except RecursionError as error:
        raise ValueError(f"{path / DIGESTS} is not what was written") from error
    if not isinstance(digests, dict) or digests.keys() != set(files):
        raise ValueError(f"{path / DIGESTS} is not what was written")
    for file in files:
        if _digest(path / file) != digests[file]:
            raise ValueError(f"{path / file} is not what was written")
    state: dict[str, Any] = {name: read_safetensors(path / f"{name}.safetensors")[0] for name in WEIGHTS}
    try:
        state |= torch.load(path / "rest.pt", map_location="cpu", weights_only=True)
        if type(state["step"]) is not int:
            raise ValueError("its step is no whole number")
    except Exception as error:  # torch.load raises half a dozen kinds for damaged files
        raise ValueError(f"{path / 'rest.pt'} is no training state of ours: {_plain(error)}") from error
    _check_finite(state, f"{path} cannot be used")
    return state


def _checkpoints(folder: Path) -> list[Path]:
    """Those in a folder, oldest first."""
    return sorted(path for path in folder.glob("*") if path.name.isdigit())


def _plain(text: object) -> str:
    """What a file says, for an error: in printable characters, and not too many."""
    return "".join(c if c.isprintable() else "?" for c in str(text))[:200]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
