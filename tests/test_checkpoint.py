import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import (
    Trained,
    load_newest,
    load_weights,
    read_safetensors,
    save_checkpoint,
    save_weights,
    shipped_weights,
)
from cdm_tutor.choices import Stage
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.refiner import ImprovedRefinementNetwork
from cdm_tutor.unet import SimpleUNet


@pytest.mark.parametrize("stage", ["unet", "refiner"])
@pytest.mark.parametrize("half", [False, True])
def test_weights_and_card_come_back(tmp_path: Path, stage: Stage, half: bool) -> None:
    card = ModelCard("fashion", "v", "linear", 500, stage, {"steps": 7})
    model = card.make_network()
    save_weights(tmp_path / "w.safetensors", Trained(model, card), half=half)
    found = load_weights(tmp_path / "w.safetensors")
    assert found.card == card
    assert (found.schedule.betas == card.make_schedule().betas).all()
    assert type(found.network) is {"unet": SimpleUNet, "refiner": ImprovedRefinementNetwork}[stage]
    for a, b in zip(model.parameters(), found.network.parameters(), strict=True):
        assert b.dtype == torch.float32
        assert torch.equal(a.half().float() if half else a, b)
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


CARD: dict[Any, Any] = asdict(ModelCard("mnist"))
WRONG_CARDS: dict[str, tuple[object, str]] = {
    "nothing": (None, "a model card that is an object, got None"),
    "a list": ([], "that is an object"),
    "a name": ("mnist", "that is an object"),
    "empty": ({}, "names its data"),
    "another field": ({**CARD, "new": 1}, "of other fields, got .'new'"),
    "a field that is no name": ({**CARD, 1: 1}, "of other fields"),
    "a path": ({**CARD, "data": "../keep"}, "data is the name of a data set, got '../keep'"),
    "an absolute path": ({**CARD, "data": "/etc/passwd"}, "data is the name"),
    "data in other letters": ({**CARD, "data": "MNIST"}, "data is"),
    "no data": ({**CARD, "data": None}, "data is"),
    "no side": ({**CARD, "build": {"side": 27}}, "side is divisible by 4"),
    "true as side": ({**CARD, "build": {"side": True}}, "side is a whole number"),
    "two channels": ({**CARD, "build": {"channels": 2}}, "channels is 1 for grey or 3"),
    "odd widths": ({**CARD, "build": {"widths": [12, 24]}}, "widths is at most six multiples of 8"),
    "too few blocks": ({**CARD, "build": {"blocks": [1]}}, "blocks is as many numbers"),
    "unknown build": ({**CARD, "build": {"depth": 3}}, "known fields"),
    "a refiner that folds": ({**CARD, "stage": "refiner", "build": {}}, "build is that of a refiner"),
    "names of ours": ({**CARD, "names": ["a"]}, "names is left out for mnist"),
    "classes without names": ({**CARD, "data": "mine", "classes": True}, "no class has a name"),
    "other squares": ({**CARD, "squares": "round"}, "squares is 'cut' or 'pad'"),
    "a list of data": ({**CARD, "data": ["mnist"]}, "data is"),
    "unknown prediction": ({**CARD, "prediction": "x0"}, "prediction is 'noise' or 'v', got 'x0'"),
    "an object as prediction": ({**CARD, "prediction": {}}, "prediction is"),
    "unknown schedule": ({**CARD, "schedule": "sigmoid"}, "schedule is 'linear' or 'cosine'"),
    "a list as schedule": ({**CARD, "schedule": []}, "schedule is"),
    "unknown stage": ({**CARD, "stage": "critic"}, "stage is 'unet' or 'refiner'"),
    "a number as stage": ({**CARD, "stage": 0}, "stage is"),
    **{
        f"T = {T!r:.9}": ({**CARD, "T": T}, "T is a whole number from 1 to 100000, got ")
        for T in ("1000", None, float("nan"), float("inf"), 10**9, 10**30, 100_001, 0, -1, True, 1000.0, [1000])
    },
    "training as a list": ({**CARD, "training": [1]}, "training is facts"),
    "huge training": ({**CARD, "training": {"note": "x" * 10**6}}, "training is facts, in at most 20000 characters"),
    "deep training": ({**CARD, "training": {"a": json.loads("[" * 900 + "]" * 900)}}, "training is facts"),
}


@pytest.mark.parametrize("name", WRONG_CARDS)
def test_a_card_is_right_or_is_not_made(name: str) -> None:
    described, error = WRONG_CARDS[name]
    with pytest.raises(ValueError, match=error) as raised:
        ModelCard.parse(described)
    assert len(str(raised.value)) < 200
    assert "\n" not in str(raised.value)


def test_cards_of_before_are_read() -> None:
    """Fields that came later, and facts of all kinds."""
    assert ModelCard.parse({"data": "fashion"}) == ModelCard("fashion", "noise", "cosine", 1000, "unet", {})
    facts = {"steps": 3, "minutes": None, "sharpened": {"settings": {"lr": 3e-4, "seeds": [1, 2]}}}
    card = ModelCard("mnist", "v", "linear", 1, "refiner", facts)
    assert ModelCard.parse(json.loads(json.dumps(asdict(card)))) == card


@pytest.mark.parametrize("name", sorted(CLASS_NAMES))
def test_shipped_weights_are_small_and_say_how_they_were_made(name: str) -> None:
    path = shipped_weights(name)
    assert path.stat().st_size <= 3e6
    card = load_weights(path).card
    assert card.data == name
    beside = json.loads(path.with_suffix(".json").read_text())
    assert {"command", "date", "images", "fid"} <= beside.keys()
    assert beside["images"] == card.training["images"]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('code ran')",)


def test_pickles_are_refused_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    for protocol in (0, 2, 4, 5):
        path.write_bytes(pickle.dumps(Evil(), protocol))
        with pytest.raises(ValueError, match=r"pickled file|damaged"):
            load_weights(path)
    torch.save({"model": Evil()}, path)
    with pytest.raises(ValueError, match="is a pickled file, which could run code when loaded: expected safetensors"):
        load_weights(path)


@pytest.mark.parametrize("cut", [0, 5, 100, 10_000])
def test_torn_files_are_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, Trained(SimpleUNet(), ModelCard("mnist")))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"w\.safetensors is damaged"):
        load_weights(path)


def test_other_architectures_are_named(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, Trained(SimpleUNet(channels=(16, 32)), ModelCard("mnist")))
    with pytest.raises(ValueError, match=r"another architecture: attention\.norm\.bias is \(32,\), expected \(64,\)"):
        load_weights(path)
    save_weights(path, Trained(SimpleUNet(), ModelCard("mnist", stage="refiner")))
    with pytest.raises(ValueError, match="another architecture"):
        load_weights(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="no model card"):
        load_weights(path)
    save_file({"a": torch.zeros(2)}, path, metadata={"card": json.dumps({**asdict(ModelCard("mnist")), "new": 1})})
    with pytest.raises(ValueError, match="another architecture"):
        load_weights(path)
    with pytest.raises(FileNotFoundError, match="no weights at"):
        read_safetensors(tmp_path / "none")


def state(step: int) -> dict[str, Any]:
    model = {"a": torch.full((2, 3), float(step)), "b": torch.zeros(1000)}
    return {"model": model, "ema": {"a": torch.zeros(1)}, "optimizer": {"lr": 0.1, 3: [step]}, "step": step}


def test_checkpoints_come_back_newest_first_and_only_the_last_few_are_kept(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to resume: no checkpoint"):
        load_newest(tmp_path)
    for step in (0, 5, 10, 200, 200):
        save_checkpoint(tmp_path, state(step))
        assert load_newest(tmp_path)["step"] == step
    found, expected = load_newest(tmp_path), state(200)
    assert torch.equal(found["model"]["a"], expected["model"]["a"])
    assert found["optimizer"] == expected["optimizer"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000005", "00000010", "00000200"]


@pytest.mark.parametrize("name", ["model.safetensors", "ema.safetensors", "rest.pt", "sha256.json"])
@pytest.mark.parametrize("harm", ["gone", "torn", "rotten"])
def test_damaged_checkpoints_are_passed_over_with_a_warning(tmp_path: Path, name: str, harm: str) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, state(step))
    older, newer = sorted(tmp_path.iterdir())
    damage(newer / name, harm)
    with pytest.warns(UserWarning, match=r"passing over the damaged checkpoint .*00000002: "):
        assert load_newest(tmp_path)["step"] == 1
    damage(older / name, harm)
    with (
        pytest.warns(UserWarning, match="passing over"),
        pytest.raises(ValueError, match=r"no checkpoint in .* is whole"),
    ):
        load_newest(tmp_path)


def damage(path: Path, harm: str) -> None:
    content = bytearray(path.read_bytes())
    path.unlink()
    if harm == "rotten":
        content[len(content) // 2] ^= 4
    if harm != "gone":
        path.write_bytes(content if harm == "rotten" else content[: len(content) // 2])


def test_a_checkpoint_never_runs_code(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {**state(1), "evil": Evil()})
    with pytest.warns(UserWarning, match="no training state of ours"), pytest.raises(ValueError, match="is whole"):
        load_newest(tmp_path)


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, state(1))

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"could not write .*2 \(the checkpoints before it are whole\): .*No space left"):
        save_checkpoint(tmp_path, state(2))
    monkeypatch.undo()
    assert load_newest(tmp_path)["step"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["00000001"]
