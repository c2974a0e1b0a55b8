import json
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cdm_tutor.checkpoint import (
    ModelCard,
    load_state,
    load_weights,
    read_safetensors,
    save_state,
    save_weights,
    shipped_weights,
)
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.refiner import ImprovedRefinementNetwork
from cdm_tutor.unet import SimpleUNet


@pytest.mark.parametrize("stage", ["unet", "refiner"])
@pytest.mark.parametrize("half", [False, True])
def test_weights_and_card_come_back(tmp_path: Path, stage: str, half: bool) -> None:
    card = ModelCard("fashion", "v", "linear", 500, stage, {"steps": 7})
    model = card.make_network()
    save_weights(tmp_path / "w.safetensors", model, card, half=half)
    found, found_card = load_weights(tmp_path / "w.safetensors")
    assert found_card == card
    assert type(found) is {"unet": SimpleUNet, "refiner": ImprovedRefinementNetwork}[stage]
    for a, b in zip(model.parameters(), found.parameters(), strict=True):
        assert b.dtype == torch.float32
        assert torch.equal(a.half().float() if half else a, b)
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize("name", sorted(CLASS_NAMES))
def test_shipped_weights_are_small_and_say_how_they_were_made(name: str) -> None:
    path = shipped_weights(name)
    assert path.stat().st_size <= 3e6
    _, card = load_weights(path)
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
        with pytest.raises(ValueError, match="damaged"):
            load_state(path)
    torch.save({"model": Evil()}, path)
    with pytest.raises(ValueError, match="is a pickled file, which could run code when loaded: expected safetensors"):
        load_weights(path)
    with pytest.raises(ValueError, match="damaged"):
        load_state(path)


@pytest.mark.parametrize("cut", [0, 5, 100, 10_000])
def test_torn_files_are_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, SimpleUNet(), ModelCard("mnist"))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"w\.safetensors is damaged"):
        load_weights(path)
    save_state(path, {"x": torch.zeros(50_000)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"w\.safetensors is damaged"):
        load_state(path)


def test_other_architectures_are_named(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, SimpleUNet(channels=(16, 32)), ModelCard("mnist"))
    with pytest.raises(ValueError, match=r"another architecture: attention\.norm\.bias is \(32,\), expected \(64,\)"):
        load_weights(path)
    save_weights(path, SimpleUNet(), ModelCard("mnist", stage="refiner"))
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


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"step": 1})

    def full(*args: object) -> None:
        (tmp_path / "state.pt.part").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        OSError, match=r"could not write .*state\.pt \(what was there before is whole\): .*No space left"
    ):
        save_state(path, {"step": 2})
    monkeypatch.undo()
    assert load_state(path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]
