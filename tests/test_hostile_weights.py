"""Files that are broken, or made to do harm: each command that reads them ends in one line, and writes nothing."""

import hashlib
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save, save_file
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import (
    Trained,
    load_newest,
    load_weights,
    save_checkpoint,
    save_weights,
    shipped_weights,
)
from cdm_tutor.data import load_sample
from cdm_tutor.demo import run_demo
from cdm_tutor.export import MARK, export_web
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.plots import save_animation, save_grid, save_losses, save_noising, save_schedules
from cdm_tutor.randomness import seeded
from cdm_tutor.unet import SimpleUNet
from cdm_tutor.writing import whole, whole_folder

CARD = asdict(ModelCard("mnist", "v"))
NETWORK = SimpleUNet().state_dict()
NAME = "conv_in.weight"

Said = tuple[int, str, str]
Tutor = Callable[..., Said]


def weights(card: object = CARD, **tensors: Tensor | None) -> bytes:
    """A file of weights; the tensors replace those of the network, None leaves one out."""
    text = card if isinstance(card, str) else json.dumps(card)
    state = {name: value for name, value in {**NETWORK, **tensors}.items() if value is not None}
    return save(state, metadata={"card": text})


def like(number: float, **also: Any) -> dict[str, Tensor]:
    """The first weights, all of that number."""
    return {NAME: torch.full_like(NETWORK[NAME], number, **also)}


def raw(header: str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file put together by hand."""
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def one_tensor(**changed: Any) -> str:
    return json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changed}})


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("open('evil', 'w')",)


HOSTILE: dict[str, bytes] = {
    # cards
    "no card": save(NETWORK),
    "an empty card": weights(""),
    "a card that is no JSON": weights("{"),
    "a card that is null": weights(None),
    "a card that is a list": weights([CARD]),
    "a card that is a number": weights(7),
    "a card of nothing": weights({}),
    "a card 50,000 deep": weights("[" * 50_000 + "]" * 50_000),
    "objects 50,000 deep": weights('{"data":' * 50_000 + "1" + "}" * 50_000),
    "training 5,000 deep": weights('{"data": "mnist", "training": {"a": ' + "[" * 900 + "]" * 900 + "}}"),
    "a field twice": weights('{"data": "fashion", "data": "mnist"}'),
    "an unknown field": weights({**CARD, "path": "/etc"}),
    "a path as data": weights({**CARD, "data": "../keep"}),
    "an absolute path as data": weights({**CARD, "data": "/tmp/keep"}),
    "data in other letters": weights({**CARD, "data": "Mnist"}),
    "a giant network": weights({**CARD, "build": {"widths": [10**6] * 2}}),
    "a bottomless network": weights({**CARD, "build": {"widths": [8] * 1000, "blocks": [1] * 1000}}),
    "endless blocks": weights({**CARD, "build": {"blocks": [10**9, 1]}}),
    "giant images": weights({**CARD, "build": {"side": 2**30}}),
    "another build than its weights": weights({**CARD, "build": {"channels": 3}}),
    "a build that is no object": weights({**CARD, "build": [28, 1]}),
    "a path as build": weights({**CARD, "build": {"code": "os.system"}}),
    "many names": weights({**CARD, "data": "mine", "names": ["a"] * 10**6}),
    "names that clear the screen": weights({**CARD, "data": "mine", "names": ["\x1b[2J"]}),
    "lines as data": weights({**CARD, "data": "a\nb\x1b[2J"}),
    "long data": weights({**CARD, "data": "x" * 10**6}),
    "a list as data": weights({**CARD, "data": ["mnist"]}),
    "unknown prediction": weights({**CARD, "prediction": "x0"}),
    "unknown schedule": weights({**CARD, "schedule": "sigmoid"}),
    "a list as schedule": weights({**CARD, "schedule": []}),
    "unknown stage": weights({**CARD, "stage": "critic"}),
    "an object as stage": weights({**CARD, "stage": {}}),
    **{f"T = {T!r:.12}": weights({**CARD, "T": T}) for T in ("1000", None, float("nan"), 10**9, 10**30, True, 1e3, -5)},
    "T of 5,000 digits": weights('{"data": "mnist", "T": ' + "9" * 5000 + "}"),
    "huge training": weights({**CARD, "training": {"note": "x" * 10**6}}),
    "a list as training": weights({**CARD, "training": []}),
    # tensors
    "another name": weights(**{"evil\n\x1b[2J": torch.zeros(1)}),
    "a name left out": weights(**{NAME: None}),
    "another shape": weights(**{NAME: torch.zeros(5)}),
    "a hundred dimensions": weights(**{NAME: torch.zeros([1] * 60)}),
    "an empty tensor": weights(**{NAME: torch.zeros(0)}),
    "nothing at all": save({}, metadata={"card": json.dumps(CARD)}),
    "whole numbers": weights(**like(1, dtype=torch.int64)),
    "bools": weights(**like(1, dtype=torch.bool)),
    "float64": weights(**like(1, dtype=torch.float64)),
    "float8": weights(**{NAME: NETWORK[NAME].to(torch.float8_e4m3fn)}),
    "complex": weights(**like(1, dtype=torch.complex64)),
    "nan": weights(**like(float("nan"))),
    "one nan": weights(**{"conv_out.bias": torch.tensor([0.0, 0.0, float("nan"), 0.0])}),
    "inf": weights(**like(float("inf"))),
    "half inf": weights(**like(float("-inf"), dtype=torch.float16)),
    # the file
    "zero bytes": b"",
    "noughts": b"\0" * 1000,
    "text": b"Dear all, here are the weights.",
    "a header that lies": raw(one_tensor(), b"\0" * 4, length=10**6),
    "a header of 2**63 bytes": raw("{}", length=2**63),
    "a header that is no text": raw(b"\xff\xfe\xff"),
    "a header 50,000 deep": raw("[" * 50_000),
    "an offset beyond the end": raw(one_tensor(data_offsets=[0, 4000]), b"\0" * 4),
    "offsets turned round": raw(one_tensor(data_offsets=[4, 0]), b"\0" * 4),
    "a shape below 0": raw(one_tensor(shape=[-1]), b"\0" * 4),
    "a shape beyond all": raw(one_tensor(shape=[2**32, 2**32]), b"\0" * 4),
    "an unknown kind of number": raw(one_tensor(dtype="F99\n" + "x" * 1000), b"\0" * 4),
    "remarks that are no text": raw('{"__metadata__": {"card": 1}}'),
    "torn": weights()[:-1000],
    "longer than it says": weights() + b"\0" * 8,
    "a pickle": pickle.dumps(Evil()),
    "an old pickle": pickle.dumps(Evil(), 0),
}  # fmt: skip
READERS = {
    "sample": ("sample", "-n", 1, "--steps", 1, "--weights", "it.safetensors"),
    "sample --refiner": ("sample", "-n", 1, "--steps", 1, "--refiner", "it.safetensors"),
    "evaluate": ("evaluate", "-n", 2, "--steps", 1, "--json", "it.json", "--weights", "it.safetensors"),
    "export-web": ("export-web", "it.safetensors", "--out", "web"),
    "export-web --refiner": ("export-web", "mnist", "--out", "web", "--refiner", "it.safetensors"),
    "sharpen": ("sharpen", "--refiner", "it.safetensors"),
    "sharpen --weights": ("sharpen", "--refiner", shipped_weights("mnist", "refiner"), "--weights", "it.safetensors"),
    "diagnose": ("diagnose", "it.safetensors", "-n", 1),
}


def one_line(said: Said) -> str:
    code, _, error = said
    assert code == 2, said
    assert error.startswith("cdm-tutor: "), said
    assert error.endswith("\n"), said
    assert error[:-1].isprintable(), said
    assert len(error) < 500, said
    return error


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_of_weights_does_harm(name: str, anywhere: Path, tutor: Tutor) -> None:
    (anywhere / "it.safetensors").write_bytes(HOSTILE[name])
    for arguments in READERS.values():
        assert "it.safetensors" in one_line(tutor(*arguments))
        assert [file.name for file in anywhere.iterdir()] == ["it.safetensors"], arguments
    assert (anywhere / "it.safetensors").read_bytes() == HOSTILE[name]


def test_the_good_file_that_all_hostile_ones_are_made_from(anywhere: Path, tutor: Tutor) -> None:
    (anywhere / "it.safetensors").write_bytes(weights())
    for reader in ("sample", "sample --refiner", "export-web", "diagnose"):
        assert tutor(*READERS[reader])[0] == 0, reader


def test_a_sparse_file_is_not_read(anywhere: Path, tutor: Tutor) -> None:
    with (anywhere / "it.safetensors").open("wb") as file:
        file.truncate(5 * 10**9)
    for arguments in READERS.values():
        assert "expected at most 500,000,000 bytes" in one_line(tutor(*arguments))


def test_what_is_no_file(anywhere: Path, tutor: Tutor) -> None:
    (anywhere / "folder.safetensors").mkdir()
    os.mkfifo(anywhere / "pipe.safetensors")
    (anywhere / "loop.safetensors").symlink_to("loop.safetensors")
    for name in ("folder", "pipe", "loop", "none"):
        for arguments in READERS.values():
            if (name, arguments[0]) != ("folder", "diagnose"):
                told = [f"{name}.safetensors" if it == "it.safetensors" else it for it in arguments]
                one_line(tutor(*told))


def begun(card: ModelCard) -> Trained:
    """A network that has learned nothing."""
    return Trained(card.make_network(), card)


def too_much() -> Trained:
    """A network whose weights are finite, and whose answers are not."""
    network = SimpleUNet()
    for parameter in network.parameters():
        parameter.data.fill_(3e38)
    return Trained(network, ModelCard("mnist", "v"))


def test_images_that_are_not_finite_are_not_used(anywhere: Path, tutor: Tutor) -> None:
    save_weights(anywhere / "it.safetensors", too_much())
    before = ["it.safetensors"]
    for reader in ("sample", "sample --refiner", "evaluate", "diagnose", "sharpen --weights"):
        error = one_line(tutor(*READERS[reader], *(("--samples", 64) if "sharpen" in reader else ())))
        assert "images that are not finite numbers" in error
        written = [path for path in anywhere.rglob("*") if path.is_file() and path.name != ".lock"]
        assert [file.name for file in written] == before
    assert "half precision cannot" in one_line(tutor(*READERS["export-web"]))
    with pytest.raises(ValueError, match="images that are not finite numbers"):
        generate(too_much(), SampleSettings(n=40, steps=1))
    with pytest.raises(ValueError, match="expected samples of finite numbers"):
        Yardstick("mnist", load_sample("mnist").x0[:100]).report(torch.full((4, 1, 28, 28), torch.nan))


def test_nothing_that_is_not_finite_is_saved(tmp_path: Path) -> None:
    path, card = tmp_path / "w.safetensors", ModelCard("mnist")
    save_weights(path, Trained(SimpleUNet(), card))
    before = path.read_bytes()
    for bad in (torch.nan, torch.inf):
        network = SimpleUNet()
        network.get_parameter("conv_out.bias").data[1] = bad
        with pytest.raises(
            ValueError, match=r"w\.safetensors is not written: conv_out\.bias holds numbers that are not"
        ):
            save_weights(path, Trained(network, card))
    network.get_parameter("conv_out.bias").data[1] = 1e6
    with pytest.raises(ValueError, match="not finite"):
        save_weights(path, Trained(network, card), half=True)
    assert path.read_bytes() == before

    good: dict[str, Any] = {"step": 1, "model": {"a": torch.ones(2)}, "ema": {"a": torch.ones(2)}, "optimizer": {}}
    save_checkpoint(tmp_path / "run", good)
    bad_states: dict[str, dict[str, Any]] = {
        "model.a": {"model": {"a": torch.tensor([1, torch.nan])}},
        "ema.a": {"ema": {"a": torch.tensor([1, torch.inf])}},
        "optimizer.state.0.exp_avg": {"optimizer": {"state": {0: {"exp_avg": torch.tensor(torch.nan)}}}},
        "optimizer.param_groups.0.lr": {"optimizer": {"param_groups": [{"lr": torch.inf}]}},
    }
    for name, bad_part in bad_states.items():
        with pytest.raises(ValueError, match=f"00000002 is not written .*: {name} holds numbers that are not finite"):
            save_checkpoint(tmp_path / "run", {**good, **bad_part, "step": 2})
        assert [one.name for one in (tmp_path / "run").iterdir()] == ["00000001"]


@pytest.mark.parametrize("digests", ["[]", "{}", "null", "7", '{"model.safetensors": 1}', "[" * 50_000, "{"])
def test_digests_of_another_kind(tmp_path: Path, digests: str) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, {"step": step, "model": {"a": torch.ones(2)}, "ema": {"a": torch.ones(2)}})
    (tmp_path / "00000002" / "sha256.json").write_text(digests)
    with pytest.warns(UserWarning, match="passing over the damaged checkpoint"):
        assert load_newest(tmp_path)["step"] == 1


@pytest.mark.parametrize("harm", ["model nan", "optimizer nan", "no step", "step as text", "a list"])
def test_checkpoints_that_are_whole_and_of_no_use(tmp_path: Path, harm: str) -> None:
    """As an older version could have written them."""
    good: dict[str, Any] = {"step": 1, "model": {"a": torch.ones(2)}, "ema": {"a": torch.ones(2)}}
    save_checkpoint(tmp_path, good)
    save_checkpoint(tmp_path, {**good, "step": 2})
    newest = tmp_path / "00000002"
    if harm == "model nan":
        save_file({"a": torch.tensor([1, torch.nan])}, newest / "model.safetensors")
    else:
        rest: dict[str, Any] = {
            "optimizer nan": {"step": 2, "optimizer": {"exp_avg": torch.tensor(torch.nan)}},
            "no step": {"optimizer": {}},
            "step as text": {"step": "2"},
            "a list": [2],
        }
        torch.save(rest[harm], newest / "rest.pt")
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in newest.glob("*.*")}
    del digests["sha256.json"]
    (newest / "sha256.json").write_text(json.dumps(digests))
    with pytest.warns(UserWarning, match="passing over the damaged checkpoint"):
        assert load_newest(tmp_path)["step"] == 1


REFUSED = {  # before any work: nothing is drawn, and nothing written
    "refine from beyond T": (("sample", "--refine", "--refine-from", 1000), "between 1 and 999, got 1000"),
    "evaluate from beyond T": (("evaluate", "--refine", "--refine-from", 5000), "between 1 and 999, got 5000"),
    "sharpen from beyond T": (("sharpen", "--refiner", "R", "--refine-from", 1001), "between 1 and 999, got 1001"),
    "sharpen what is no refiner": (("sharpen", "--refiner", "W", "--refine-from", 10), "is a first network"),
    "sharpen with other eyes": (("sharpen", "--refiner", "R", "--weights", "R"), "those of a refiner"),
    "sharpen with few steps": (
        ("sharpen", "--refiner", "R16", "--weights", "W16", "--refine-from", 10), "between 1 and 16 sampling steps"
    ),
    "sharpen for ever": (("sharpen", "--refiner", "R", "--minutes", "inf"), "not a finite number"),
    "sharpen for nan minutes": (("sharpen", "--refiner", "R", "--minutes", "nan"), "Invalid value for '--minutes'"),
    "sharpen on all memory": (("sharpen", "--refiner", "R", "--samples", 10**9), "Invalid value for '--samples'"),
    "more steps than T": (("sample", "--weights", "W16", "--steps", 17), "between 1 and 16 sampling steps, got 17"),
    "evaluate in more steps than T": (("evaluate", "--weights", "W16"), "between 1 and 16 sampling steps, got 20"),
    "diagnose in more steps than T": (("diagnose", "W16.safetensors"), "between 1 and 16 sampling steps, got 20"),
    "draw with a refiner": (("sample", "--weights", "R"), "got those of a refiner"),
    "evaluate a refiner": (("evaluate", "--weights", "R"), "got those of a refiner"),
    "refine with clothes": (("sample", "--weights", "W", "--refiner", "F"), "the network on mnist"),
    "eta of nan": (("sample", "--eta", "nan"), "Invalid value for '--eta'"),
    "eta above 1": (("evaluate", "--eta", "1.5"), "Invalid value for '--eta'"),
    "a picture of unknown kind": (("sample", "--out", "x.xyz"), "whose name ends in .png, got x.xyz"),
    "a picture without a kind": (("sample", "--out", "x"), "whose name ends in .png, got x"),
    "no images": (("sample", "-n", 0), "Invalid value for '-n'"),
    "more images than memory": (("sample", "-n", 10**12), "Invalid value for '-n'"),
    "half an image": (("sample", "-n", 1.5), "Invalid value for '-n'"),
    "a seed of 30 digits": (("sample", "--seed", 10**30), "Invalid value for '--seed'"),
    "one sample to evaluate": (("evaluate", "-n", 1), "Invalid value for '-n'"),
    "figures into a folder": (("evaluate", "--json", "folder"), "folder"),
    "a demo for ever": (("demo", "--minutes", "inf"), "not a finite number"),
    "a demo for nan minutes": (("demo", "--minutes", "nan"), "Invalid value for '--minutes'"),
    "a demo into a file": (("demo", "--out", "W16.safetensors"), "expected a folder to write to"),
    "a page from a refiner": (("export-web", "R"), "got those of a refiner"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_the_work(
    name: str, anywhere: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ModelCard("mnist", "v", T=16)
    save_weights(anywhere / "W16.safetensors", begun(few))
    few = replace(few, stage="refiner")
    save_weights(anywhere / "R16.safetensors", begun(few))
    (anywhere / "folder").mkdir()
    before = sorted(anywhere.rglob("*"))

    def work(*_: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr(SimpleUNet, "forward", work)
    arguments, error = REFUSED[name]
    files = {"W": shipped_weights("mnist"), "R": shipped_weights("mnist", "refiner"), "W16": "W16.safetensors"}
    files |= {"F": shipped_weights("fashion", "refiner"), "R16": "R16.safetensors"}
    assert error in one_line(tutor(*(files.get(str(it), it) for it in arguments)))
    assert sorted(anywhere.rglob("*")) == before


def test_refining_from_the_last_step_that_there_is(tmp_path: Path) -> None:
    """Also where the schedule is so short that the critic's and the refiner's own steps end before they usually do."""
    from cdm_tutor.critic import Sharpening, SharpenSettings

    card = ModelCard("mnist", "v", T=20)
    settings = SharpenSettings(t_start=19, batch=4, alone=0)
    sharpening = Sharpening(begun(replace(card, stage="refiner")), begun(card), settings)
    images = torch.rand(8, 1, 28, 28)
    for step in range(3):
        sharpening.round(step, 0.0, images, images)


def test_no_step_of_the_refiner_is_taken_on_a_gradient_that_is_not_finite() -> None:
    from cdm_tutor.critic import Sharpening, SharpenSettings
    from cdm_tutor.trainer import Diverged

    card = ModelCard("mnist", "v")
    settings = SharpenSettings(batch=4, alone=0, weight=1e38)
    sharpening = Sharpening(begun(replace(card, stage="refiner")), begun(card), settings)
    with torch.no_grad():
        for parameter in sharpening.critic.judge.parameters():
            parameter.fill_(torch.nan)
    before = [parameter.clone() for parameter in sharpening.network.parameters()]
    images = torch.rand(8, 1, 28, 28)
    with pytest.raises(Diverged, match="the critic's loss became infinite or NaN at step 1"):
        sharpening.round(0, 0.0, images, images)
    assert all(map(torch.equal, before, sharpening.network.parameters()))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of black pixels: small in a file, large in memory."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" * (width + 1)) * min(height, 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def png(folder: Path, mode: str = "L", format: str = "PNG", **how: Any) -> bytes:
    path = folder / "made"
    Image.new(mode, (28, 28)).save(path, format, **how)
    content = path.read_bytes()
    path.unlink()
    return content


def pictures(folder: Path) -> dict[str, tuple[bytes, str]]:
    whole_one = png(folder)
    save_grid(folder / "noise", torch.randn(1, 1, 28, 28, generator=seeded(0)))
    noise = (folder / "noise").read_bytes()
    (folder / "noise").unlink()
    frame = Image.new("L", (28, 28), 200)
    return {
        "10,000 x 10,000": (bomb(10_000, 10_000), "at most 50,000,000 pixels, got 10000 x 10000"),
        "50,000 x 50,000": (bomb(50_000, 50_000), "no picture that can be read"),
        "1 x 2,000,000,000": (bomb(1, 2_000_000_000), "no picture that can be read"),
        "0 x 0": (bomb(0, 0), "no picture that can be read"),
        "torn": (noise[: len(noise) // 2], "no picture that can be read"),
        "torn in its head": (noise[:20], "no picture that can be read"),
        "rotten": (noise[:200] + b"rot" + noise[203:], "no picture that can be read"),
        "a broken chunk": (whole_one.replace(b"IDAT", b"ID\0T"), "no picture that can be read"),
        "a text beyond all": (
            whole_one[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 10**8)) + whole_one[33:],
            "no picture that can be read",
        ),
        "zero bytes": (b"", "no picture that can be read"),
        "text": (b"no picture", "no picture that can be read"),
        "a JPEG": (png(folder, "L", "JPEG"), "no picture that can be read"),
        "CMYK": (png(folder, "CMYK", "TIFF"), "no picture that can be read"),
        "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n%%EndComments\n", "no picture"),
        "a GIF that moves": (png(folder, "L", "GIF", save_all=True, append_images=[frame]), "no picture"),
        "a PNG that moves": (png(folder, save_all=True, append_images=[frame]), "one picture, got an animation"),
        "16 bits": (png(folder, "I;16"), "expected pixels of 8 bits, got mode I;16"),
        "27 x 28": (bomb(27, 28), "is 27 x 28 pixels"),
        "17 x 1,000": (bomb(17, 1000), "is 17 x 1000 pixels"),
    }


def test_pictures_that_cannot_be_looked_at(anywhere: Path, tutor: Tutor) -> None:
    for name, (content, error) in pictures(anywhere).items():
        (anywhere / "it.png").write_bytes(content)
        for what in ("it.png", "."):
            assert error in one_line(tutor("diagnose", what)), name
    (anywhere / "it.png").unlink()
    (anywhere / "folder.png").mkdir()
    os.mkfifo(anywhere / "pipe.png")
    (anywhere / "loop.png").symlink_to("loop.png")
    for what in (".", "folder.png", "pipe.png", "loop.png"):
        assert "no PNG at" in one_line(tutor("diagnose", what))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pictures_of_all_kinds_of_bytes(anywhere: Path, tutor: Tutor, mode: str) -> None:
    how: dict[str, Any] = {"transparency": bytes(256)} if mode == "P" else {}
    (anywhere / "it.png").write_bytes(png(anywhere, mode, **how))
    code, _, error = tutor("diagnose", "it.png")
    assert (code, error) == (0, "")


def test_too_many_pictures(anywhere: Path, tutor: Tutor) -> None:
    from cdm_tutor.course import looks

    save_grid(anywhere / "a.png", load_sample("mnist").x0[:6000], columns=100, zoom=1)
    (anywhere / "b.png").write_bytes((anywhere / "a.png").read_bytes())
    assert len(looks.read_images(anywhere / "a.png")) == 6000
    assert "at most 10,000 images" in one_line(tutor("diagnose", "."))


@contextmanager
def nearly_full(folder: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes; skips where none can be made."""
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(options, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(disk: Path) -> None:
    """Leave no byte free."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def writers() -> dict[str, Callable[[Path], None]]:
    noise = torch.randn(64, 1, 28, 28, generator=seeded(0))
    return {
        "grid.png": lambda path: save_grid(path, noise),
        "moves.webp": lambda path: save_animation(path, [noise, -noise]),
        "moves.gif": lambda path: save_animation(path, [noise, -noise]),
        "schedules.png": save_schedules,
        "noising.png": lambda path: save_noising(path, noise[0], seeded(1)),
        "losses.png": lambda path: save_losses(path, {"all": [3.0, 2.0, 1.0]}),
        "w.safetensors": lambda path: save_weights(path, begun(ModelCard("mnist"))),
    }


def states(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_on_a_full_disk_all_stays_as_it_was(tmp_path: Path) -> None:
    with nearly_full(tmp_path / "disk", 12_000_000) as disk:
        for name, write in writers().items():
            write(disk / name)
        shipped = load_weights(shipped_weights("mnist"))
        export_web(disk / "web", shipped)
        assert not [name for name in states(disk) if ".part" in name]
        fill_up(disk)
        before = states(disk)
        for name, write in writers().items():
            with pytest.raises(OSError, match=rf"could not write .*{name} \(what was there before is whole\)"):
                write(disk / name)
        with pytest.raises(OSError, match=r"could not write .*web \(what was there before is whole\)"):
            export_web(disk / "web", shipped)
        with pytest.raises(OSError, match=r"could not write .*new \(what was there before is whole\)"):
            export_web(disk / "new", shipped)
        assert states(disk) == before
        assert not (disk / "new").exists()


LIMITED = """
import resource, sys
from cdm_tutor.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
sys.argv = ["cdm-tutor", *{arguments}]
main()
"""
CUT_SHORT = {
    "samples.png": (["sample", "-n", "64", "--steps", "1", "--out", "samples.png"], 4000),
    "web": (["export-web", "--out", "web"], 100_000),
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_a_command_that_cannot_write_leaves_what_was_there(name: str, anywhere: Path, tutor: Tutor) -> None:
    """A limit on the size of files stands in for the disk: writing beyond it fails as on a full one."""
    arguments, limit = CUT_SHORT[name]
    assert tutor(*arguments)[0] == 0
    before = states(anywhere)
    script = LIMITED.format(limit=limit, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"could not write {name} (what was there before is whole)" in done.stderr
    assert states(anywhere) == before


def test_a_demo_that_fails_leaves_the_last_one(anywhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cdm_tutor import demo

    out = anywhere / "demo"
    out.mkdir()
    (out / demo.MARK).touch()
    (out / "index.html").write_text("the last one")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cdm_tutor.runs.Run.create", stop)
    for folder in (out, anywhere / "new"):
        with pytest.raises(KeyboardInterrupt):
            run_demo(demo.Asked("mnist", 1, 10, "cpu", 0), folder)
    assert states(anywhere) == {f"demo/{demo.MARK}": b"", "demo/index.html": b"the last one"}
    assert not (anywhere / "new").exists()


def test_a_stopped_demo_says_so(tutor: Tutor, monkeypatch: pytest.MonkeyPatch) -> None:
    from cdm_tutor.runs import Stopped

    def stop(*_: object) -> None:
        raise Stopped(2)

    monkeypatch.setattr("cdm_tutor.runs.Run.create", stop)
    code, said, error = tutor("demo")
    assert (code, error) == (130, "")
    assert said.endswith("Stopped; nothing was written.\n")


def test_a_folder_is_replaced_with_all_that_it_held(anywhere: Path) -> None:
    for content in ("one", "two"):
        with whole_folder(anywhere / "a" / "b", MARK, "maker") as part:
            (part / content).write_text(content)
            (part / "page").write_text(content)
            (part / "inner").mkdir()
            (part / "inner" / content).write_text(content)
    assert states(anywhere) == {
        f"a/b/{MARK}": b"", "a/b/two": b"two", "a/b/page": b"two", "a/b/inner/two": b"two",
    }  # fmt: skip
    (anywhere / "link").symlink_to("a/b")
    with whole_folder(anywhere / "link", MARK, "maker") as part:
        (part / "three").touch()
    assert (anywhere / "link").is_symlink()
    assert (anywhere / "a" / "b" / "three").exists()


def test_links_and_devices_are_written_through(anywhere: Path) -> None:
    (anywhere / "file").write_text("old")
    (anywhere / "link").symlink_to("file")
    with whole(anywhere / "link") as part:
        part.write_text("new")
    assert (anywhere / "link").is_symlink()
    assert (anywhere / "file").read_text() == "new"
    with whole(Path("/dev/null")) as part:
        part.write_text("nothing")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match=r"could not write .*none/x \(what"), whole(anywhere / "none" / "x") as part:
        part.write_text("nothing")
    with suppress(KeyError), whole(anywhere / "file") as part:
        part.write_text("torn")
        raise KeyError
    assert states(anywhere) == {"file": b"new", "link": b"new"}


def test_two_processes_write_one_picture(anywhere: Path) -> None:
    command = [sys.executable, "-m", "cdm_tutor", "sample", "-n", "40", "--steps", "1", "--processes", "2"]
    done = subprocess.run([*command, "--out", "it.png"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [file.name for file in anywhere.iterdir()] == ["it.png"]


def test_memory_is_not_taken_on_the_word_of_a_card(tmp_path: Path) -> None:
    """A gigabyte more than is in use must do for any of them."""
    code = (
        "import resource, sys; from pathlib import Path; from cdm_tutor.checkpoint import load_weights\n"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 10**9, used + 10**9))\n"
        "for name in sys.argv[1:]:\n"
        "    try: load_weights(Path(name))\n"
        "    except ValueError: pass\n"
        "    else: raise SystemExit(name)\n"
    )
    names = [name for name in HOSTILE if "T =" in name or "huge" in name or "beyond" in name or "2**63" in name]
    files = [tmp_path / f"{number}.safetensors" for number in range(len(names))]
    for file, name in zip(files, names, strict=True):
        file.write_bytes(HOSTILE[name])
    done = subprocess.run([sys.executable, "-c", code, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(names) > 10
