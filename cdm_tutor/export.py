"""A network for a web page: its weights as a script, and a folder with a page that draws with them.

A page that is opened from the disk may not read files, but it may load scripts: so weights are written as scripts, in
base64. What computes with them is the JavaScript in cdm_tutor/web/live.
"""

import base64
import html
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import get_args

import torch
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.choices import Stage
from cdm_tutor.data import CLASS_NAMES, Images, load_sample
from cdm_tutor.plots import to_pixels
from cdm_tutor.unet import SimpleUNet
from cdm_tutor.writing import whole_folder

WEB = Path(__file__).parent / "web" / "live"
MARK = ".made-by-export-web"  # in a folder that may be replaced
TABLES = ("sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "log_snr")  # what the samplers look up
REFINE_FROM = 200  # where the page's refiner starts
TITLES = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
WHAT = {"mnist": "digits", "fashion": "clothes"}
OWN = "own"  # what files and attributes call your own data, whose name may be anything
UNTOLD = """<code>x_t</code> is what the network is shown, <code>pred_x0</code> the image that
it believes in; each step takes a little of the noise away. A seed draws the same image each time."""
TOLD = """It can be told what to draw. Guidance says how much that counts: nothing at 0, as in training at 1, more
beyond. The same noise becomes another image under each class. And you can draw: it finishes your drawing, or makes
something of it that looks like its data."""

JUMPS = """It draws in one jump, fast enough to follow you: move through the map, and the noise between its corners
becomes one image after another."""
PAGES = {"": (UNTOLD, "data-insides"), "classes": (TOLD, "data-classes"), "consistency": (JUMPS, "data-jumps")}


def export_web(folder: Path, trained: Trained, refiner: Trained | None = None) -> Path:
    """Write a page that draws with a network, and all that it needs: it opens with a double click, and can be put on
    any web server as it is.

    Args:
        folder: where to: a new one, an empty one, or one that was written by this function, which is replaced.
        trained: a first network or a consistency network.
        refiner: a refiner, for images of the same data and shape.

    Returns:
        The page.

    Raises:
        ValueError: if the folder holds something else, the network is a refiner or the refiner of no use to it, a
            consistency network comes with one, or a weight does not fit into half precision.
        OSError: if it cannot be written; an older page stays as it was.
    """
    if trained.card.stage == "refiner":
        raise ValueError("expected the weights of a first network, got those of a refiner")
    if refiner:
        _check_refiner(refiner.card, trained.card)
    data, kind = _called(trained.card), _kind(trained.card)
    name = f"{data}-{kind}" if kind else data
    scripts = {name: weights_script(name, trained)}
    if refiner:
        name = f"{data}-refiner"
        scripts[name] = weights_script(name, refiner)
    page = _page(trained, refiner)
    with whole_folder(folder, MARK, "export-web") as part:
        for file in [*WEB.glob("*.js"), *WEB.glob("*.css")]:
            shutil.copy(file, part)
        for name, script in scripts.items():
            (part / f"{name}.js").write_text(script, encoding="utf-8")
        (part / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


def _check_refiner(refiner: ModelCard, card: ModelCard) -> None:
    """ValueError if it cannot mend what the network draws, or the network's page has no place for it."""
    refiner.check_mends(card)
    if refiner.T <= REFINE_FROM:
        raise ValueError(f"expected a refiner of more than {REFINE_FROM} noising steps, got {refiner.T}")
    if card.stage == "consistency":
        raise ValueError("the page of a consistency network has no place for a refiner")


def _called(card: ModelCard) -> str:
    """What files and attributes call the data."""
    return OWN if card.own else card.data


def _kind(card: ModelCard) -> str:
    """Which page a network gets, as its weights are called: "classes", "consistency", or "" for the usual one."""
    return "classes" if card.classes else "" if card.stage == "unet" else card.stage


def _page(trained: Trained, refiner: Trained | None) -> str:
    card = trained.card
    how, shown = PAGES[_kind(card)]
    attributes = f'data-networks="{_called(card)}" data-at-once {shown}'
    return Template((WEB / "index.html").read_text(encoding="utf-8")).substitute(
        what=html.escape(WHAT.get(card.data, card.data)),
        parameters=f"{_count(trained.network):,}",
        refiner=f"; a refiner of {_count(refiner.network):,} mends what it draws" if refiner else "",
        prediction={"noise": "the noise", "v": "v"}[card.prediction],
        data=html.escape(TITLES.get(card.data, card.data)),
        how=how,
        attributes=f'{attributes} data-refiner="on"' if refiner else attributes,
    )


def _count(network: SimpleUNet) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def weights_script(name: str, trained: Trained) -> str:
    """A network as a script, for cdm_tutor/web/live/network.js to unpack; weights in half precision.

    Args:
        name: what the page calls it by.
        trained: the network.

    Raises:
        ValueError: if a weight is too large for half precision, or not a number.
    """
    network, schedule = trained.network, trained.card.make_schedule()
    halves = {key: value.detach().cpu().half() for key, value in network.state_dict().items()}
    for key, value in halves.items():
        if not value.isfinite().all():
            raise ValueError(f"{key} holds weights that half precision cannot: too large, or not numbers")
    file = {
        "prediction": trained.card.prediction,
        "side": trained.card.built.side,
        "channels": trained.card.built.channels,
        "fold": network.fold,
        **(_classes(trained.card) if trained.card.classes else {}),
        "schedule": {table: encoded(getattr(schedule, table)) for table in TABLES},
        "shapes": [[key, list(value.shape)] for key, value in halves.items()],
        "weights": encoded(torch.cat([value.flatten() for value in halves.values()])),
    }
    lines = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in file.items())
    script = f"(globalThis.NETWORKS ??= {{}})[{json.dumps(name)}] = {{\n{lines}\n}};\n"
    return f"// Made by cdm-tutor: {len(script)} bytes follow.\n{script}"  # all of them ASCII


def shipped_networks() -> dict[str, Path]:
    """The weights that come with the package, by what pages call them."""
    found = {}
    for data in CLASS_NAMES:
        for stage in get_args(Stage):
            found[data if stage == "unet" else f"{data}-{stage}"] = shipped_weights(data, stage)
        found[f"{data}-classes"] = shipped_weights(data, classes=True)
    return found


def weights_scripts() -> Iterator[tuple[str, str]]:
    """The networks that come with the package: what pages call each, and its script."""
    for name, path in shipped_networks().items():
        yield name, weights_script(name, load_weights(path))


def _classes(card: ModelCard) -> dict[str, list[str]]:
    """What the classes are called; and of clothes an example of each."""
    described = {"names": list(card.class_names)}
    if card.data == "fashion":
        described["examples"] = [encoded(to_pixels(each)) for each in _typical(load_sample(card.data))]
    return described


def _typical(images: Images) -> Tensor:
    """Of each class the image that is nearest to the mean of all."""
    classes = [images.x0[images.labels == label] for label in images.labels.unique()]
    return torch.stack([each[(each - each.mean(0)).pow(2).sum((1, 2, 3)).argmin()] for each in classes])


def encoded(numbers: Tensor) -> str:
    """The bytes of the numbers, in base64."""
    return base64.b64encode(numbers.contiguous().numpy().tobytes()).decode()
