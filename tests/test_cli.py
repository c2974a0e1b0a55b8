"""The command line as a person meets it: real processes."""

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import save_file

from cdm_tutor import choices, cli, data, runs
from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, save_weights, shipped_weights
from cdm_tutor.consistency import sample_by_jumps
from cdm_tutor.critic import Sharpening
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.demo import MARK
from cdm_tutor.distill import Distilling
from cdm_tutor.export import WEB
from cdm_tutor.guidance import ConditionalUNet
from cdm_tutor.noising import Prediction
from cdm_tutor.sampler import SOLVERS
from cdm_tutor.schedule import BETAS
from cdm_tutor.settings import TUNING_RATE
from cdm_tutor.trainer import Step
from cdm_tutor.unet import SimpleUNet
from tests.processes import Started
from workshop.parts import commands_part

COMMANDS: dict[str, Any] = vars(typer.main.get_command(cli.app))["commands"]  # by their names, in the order of the help
DOCS = Path(__file__).parent.parent / "docs"


def cdm(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    process = Started(*arguments, cwd=cwd)
    process.process.join(120)
    return subprocess.CompletedProcess(arguments, process.process.exitcode, *process.output())


Cdm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cdm_here(monkeypatch: pytest.MonkeyPatch, tutor: Callable[..., tuple[int, str, str]]) -> Cdm:
    """The same without a process of its own, which would only import torch once more."""

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        return subprocess.CompletedProcess(arguments, *tutor(*arguments))

    return run


def test_samples_are_opened_and_compared_with_real_ones(
    tmp_path: Path, cdm_here: Cdm, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def launch(path: str) -> int:
        opened.append(path)
        return 0

    monkeypatch.setattr(typer, "launch", launch)
    monkeypatch.setenv("DISPLAY", ":0")
    few = ("sample", "-n", "10", "--steps", "2", "--out", "a b.png", "--open")
    assert cdm_here(*few, "--real", cwd=tmp_path).stderr == ""
    with Image.open(tmp_path / "a b.png") as picture:
        assert picture.size == (2 * (8 * 30 + 2), 2 * (3 * 30 + 2)), "two rows of samples, one of real ones"
        below = picture.crop((0, 120, picture.width, picture.height))
        assert len({bytes(below.crop((4 + 60 * i, 4, 60 + 60 * i, 60)).tobytes()) for i in range(8)}) == 8
    assert opened == ["a b.png"]
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = cdm_here(*few, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, f"Nothing here shows pictures: open {tmp_path / 'a b.png'} yourself\n")
    assert opened == ["a b.png"]


def test_train_stop_resume_and_sample(tmp_path: Path) -> None:
    """Ctrl-C in the middle saves; going on ends with the very weights of a run that was never stopped."""
    arguments = ("train", "mnist", "--steps", "60", "--batch", "8", "--device", "cpu")
    whole = cdm(*arguments, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert "Done: 60 steps" in whole.stdout

    log = tmp_path / "torn" / "log.jsonl"
    process = Started(*arguments, "--out", "torn", cwd=tmp_path)
    process.wait_for(log, 5)
    process.send(signal.SIGINT)
    said, _ = process.finish(130)
    assert "saved. To go on:\n  cdm-tutor train mnist --resume --out torn" in said
    card = load_weights(tmp_path / "torn" / "model.safetensors").card
    assert 5 <= card.training["steps"] < 60

    resumed = cdm("train", "mnist", "--resume", "--out", "torn", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    a, b = (load_weights(tmp_path / run / "model.safetensors").network for run in ("whole", "torn"))
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == list(range(1, 61))
    assert all((tmp_path / "torn" / name).exists() for name in ("preview.png", "loss.png"))

    sampled = cdm("sample", "--weights", "torn/model.safetensors", "-n", "4", "--steps", "3", cwd=tmp_path)
    assert sampled.returncode == 0, sampled.stderr
    with Image.open(tmp_path / "out" / "samples.png") as image:
        assert image.width > 28


def test_sample_refine_and_evaluate(tmp_path: Path, cdm_here: Cdm) -> None:
    trained = cdm_here(
        "train", "fashion", "--stage", "refiner", "--predict", "v", "--steps", "3", "--batch", "8", cwd=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    refiner = "runs/fashion-refiner/model.safetensors"
    for extra in ([], ["--refiner", refiner]):
        done = cdm_here(
            "sample", "fashion", "-n", "3", "--steps", "2", "--out", f"{len(extra)}.png", *extra, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "2.png").read_bytes()
    done = cdm_here("evaluate", "fashion", "-n", "50", "--steps", "5", "--json", "figures.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "n = 50; 50 real images:" in done.stdout
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["fid"] > figures["fid_floor"] > 0
    other = cdm_here("sample", "mnist", "-n", "2", "--refiner", refiner, cwd=tmp_path)
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert "refiner was trained on fashion, the network on mnist" in other.stderr


def test_export_web(tmp_path: Path, cdm_here: Cdm) -> None:
    """A page with one's own network; each thing that can be wrong in one line, and no folder of others is touched."""
    save_weights(tmp_path / "mine.safetensors", Trained(SimpleUNet(), ModelCard("fashion", "v", "linear", 300)))
    for refiner in ([], ["--refine"]):
        done = cdm_here("export-web", "mine.safetensors", "--out", "page", *refiner, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"Done. Open {tmp_path / 'page' / 'index.html'}\n"
        written = {file.name for file in (tmp_path / "page").iterdir()}
        assert {"index.html", "start.js", "live-sampler.css", "fashion.js"} <= written
        assert ("fashion-refiner.js" in written) == bool(refiner)
        assert "data-classes" not in (tmp_path / "page" / "index.html").read_text()
    told = Trained(ConditionalUNet(), ModelCard("mnist", "v", "linear", 300, classes=True))
    save_weights(tmp_path / "told.safetensors", told)
    done = cdm_here("export-web", "told.safetensors", "--out", "page", "--refine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    written = {file.name for file in (tmp_path / "page").iterdir()}
    assert {"mnist-classes.js", "mnist-refiner.js", "guidance.js"} <= written
    assert 'data-networks="mnist" data-at-once data-classes' in (tmp_path / "page" / "index.html").read_text()
    for file in WEB.glob("*.js"):
        assert (tmp_path / "page" / file.name).read_bytes() == file.read_bytes()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "letter.txt").write_text("Dear all")
    wrong = {
        ("mine.safetensors", "--out", "theirs"): "theirs is not empty, and no export-web made it",
        ("mine.safetensors", "--out", "theirs/letter.txt"): "got the file theirs/letter.txt",
        ("yours.safetensors",): "no weights at yours.safetensors",
        ("theirs/letter.txt",): "is damaged, or not a safetensors file",
        (str(shipped_weights("mnist", "refiner")),): "expected the weights of a first network, got those of a refiner",
        ("mnist", "--refiner", str(shipped_weights("fashion", "refiner"))): "trained on fashion, the network on mnist",
        (str(shipped_weights("mnist", "consistency")), "--refine"): "consistency network has no place for a refiner",
    }
    for arguments, error in wrong.items():
        done = cdm_here("export-web", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert error in done.stderr
    assert [file.name for file in (tmp_path / "theirs").iterdir()] == ["letter.txt"]
    assert not (tmp_path / "out").exists()


def test_sharpen(tmp_path: Path, cdm_here: Cdm) -> None:
    assert cdm_here("sharpen", cwd=tmp_path).stderr == "cdm-tutor: no weights at runs/mnist-refiner/model.safetensors\n"
    trained = cdm_here("train", "--stage", "refiner", "--predict", "v", "--steps", "2", "--batch", "8", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    few = ("--samples", "64", "--minutes", "0.02")
    done = cdm_here("sharpen", *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "runs" / "mnist-sharp"
    assert load_weights(made / "model.safetensors").card.training["sharpened"]["rounds"] > 0
    assert all((made / name).stat().st_size for name in ("preview.png", "log.jsonl"))
    again = cdm_here("sharpen", *few, cwd=tmp_path)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "holds weights already" in again.stderr
    other = cdm_here("sharpen", "fashion", "--refiner", str(made / "model.safetensors"), cwd=tmp_path)
    assert "trained on other data" in other.stderr


def test_sharpening_stopped_is_saved(tmp_path: Path) -> None:
    card = ModelCard("mnist", "v", stage="refiner")
    save_weights(tmp_path / "start.safetensors", Trained(card.make_network(), card))
    process = Started("sharpen", "--refiner", "start.safetensors", "--samples", "64", "--out", "sharp", cwd=tmp_path)
    process.wait_for(tmp_path / "sharp" / "log.jsonl", 2)
    process.send(signal.SIGINT)
    said, _ = process.finish(130)
    assert "cdm-tutor sharpen mnist --refiner sharp/model.safetensors --out ELSEWHERE" in said
    assert load_weights(tmp_path / "sharp" / "model.safetensors").card.training["sharpened"]["rounds"] >= 2


def test_distill(tmp_path: Path, cdm_here: Cdm) -> None:
    few = ("--paths", "64", "--minutes", "0.05")
    done = cdm_here("distill", *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "runs" / "mnist-distilled"
    card = load_weights(made / "model.safetensors").card
    assert card.stage == "consistency"
    assert card.training["distilled"]["rounds"] > 0
    assert all((made / name).stat().st_size for name in ("preview.png", "log.jsonl"))
    assert "cdm-tutor sample mnist --weights runs/mnist-distilled/model.safetensors" in done.stdout
    again = cdm_here("distill", *few, "--start", str(made / "model.safetensors"), cwd=tmp_path)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "holds weights already" in again.stderr


def test_a_consistency_network_draws_by_jumps(tmp_path: Path, cdm_here: Cdm) -> None:
    done = cdm_here("train", "--stage", "consistency", "--steps", "2", "--batch", "8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    weights = "runs/mnist-consistency/model.safetensors"
    card = load_weights(tmp_path / weights).card
    assert (card.stage, card.training["settings"]["lr"]) == ("consistency", TUNING_RATE)
    done = cdm_here("train", "--stage", "consistency", "--resume", "--steps", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    one = cdm_here("sample", "--weights", weights, "-n", "4", cwd=tmp_path)
    assert (one.returncode, one.stderr) == (0, "")
    drawn = (tmp_path / "out" / "samples.png").read_bytes()
    cdm_here("sample", "--weights", weights, "-n", "4", "--solver", "jumps", "--steps", "1", cwd=tmp_path)
    assert (tmp_path / "out" / "samples.png").read_bytes() == drawn
    two = cdm_here("sample", "--weights", weights, "-n", "4", "--steps", "2", cwd=tmp_path)
    assert two.returncode == 0
    assert (tmp_path / "out" / "samples.png").read_bytes() != drawn
    wrong = cdm_here("sample", "--weights", weights, "--solver", "ddim", cwd=tmp_path)
    assert "expected jumps, the way a consistency network draws" in wrong.stderr
    measured = cdm_here("evaluate", "--weights", weights, "-n", "8", cwd=tmp_path)
    assert (measured.returncode, measured.stderr) == (0, "")


def test_one_step_of_another_network_is_warned_of(tmp_path: Path, cdm_here: Cdm) -> None:
    done = cdm_here("sample", "--steps", "1", "-n", "1", cwd=tmp_path)
    assert done.returncode == 0
    assert "draws grey blobs" in done.stdout
    plain = cdm_here("sample", "--solver", "jumps", "--weights", shipped_weights("mnist"), cwd=tmp_path)
    assert "expected dpm, ddim or ddpm, the way a unet network draws, got jumps" in plain.stderr


BAD = {
    "unknown data set": (["train", "cifar"], "there are mnist, fashion, "),
    "missing data folder": (["train", "mnist", "--data-dir", "nowhere"], "no mnist images in nowhere/MNIST/raw"),
    "half-downloaded data": (["train", "mnist", "--data-dir", "half"], "incomplete mnist images"),
    "corrupted IDX": (["train", "mnist", "--data-dir", "corrupt"], "damaged mnist file"),
    "missing weights": (["sample", "--weights", "none.safetensors"], "no weights at none.safetensors"),
    "corrupted weights": (["sample", "--weights", "corrupt.safetensors"], "is damaged"),
    "a pickle as weights": (["sample", "--weights", "pickle.pt"], "pickled file, which could run code"),
    "another architecture": (["sample", "--weights", "other.safetensors"], "another architecture"),
    "somebody else's file": (["evaluate", "--weights", "foreign.safetensors"], "no model card"),
    "output is no folder": (["sample", "-n", "1", "--out", "pickle.pt/x.png"], "pickle.pt"),
    "output is a folder": (["sample", "-n", "1", "--out", "half"], "half"),
    "run folder is a file": (["train", "--steps", "1", "--out", "pickle.pt"], "pickle.pt"),
    "more steps than T": (["sample", "--steps", "1001"], "between 1 and 1000 sampling steps, got 1001"),
    "zero steps": (["sample", "--steps", "0"], "Invalid value for '--steps'"),
    "negative number": (["sample", "-n", "-4"], "Invalid value for '-n'"),
    "zero minutes": (["train", "--minutes", "0"], "Invalid value for '--minutes'"),
    "negative learning rate": (["train", "--lr", "-1"], "learning rate above 0 and at most 1e+30, got -1.0"),
    "no number": (["train", "--steps", "many"], "Invalid value for '--steps'"),
    "huge batch": (["train", "--batch", "20000", "--steps", "1"], "at least one batch of 20000 images, got 10000"),
    "resume on other data": (["train", "fashion", "--resume", "--out", "elsewhere"], "was started on 60000 images"),
    "nothing to resume": (["train", "--resume", "--out", "half"], "nothing to resume in half"),
    "resume a damaged run": (["train", "--resume", "--out", "damaged"], "damaged"),
    "a run is there already": (["train", "--steps", "1", "--out", "taken"], "holds a run already"),
    "no such option": (["train", "--fast"], "No such option: --fast"),
    "no such command": (["fly"], "No such command 'fly'"),
    "device not there": (["sample", "--device", "mps"], "no mps device on this machine"),
}


@pytest.fixture(scope="module")
def mess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder full of what goes wrong."""
    folder = tmp_path_factory.mktemp("mess")
    half = folder / "half" / "MNIST" / "raw"
    half.mkdir(parents=True)
    (half / "train-images-idx3-ubyte").write_bytes(b"")
    corrupt = folder / "corrupt" / "MNIST" / "raw"
    corrupt.mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (corrupt / f"{part}-ubyte").write_bytes(b"not an IDX file")
    torch.save({"weights": torch.zeros(3)}, folder / "pickle.pt")
    (folder / "corrupt.safetensors").write_bytes(b"\x00" * 100)
    save_weights(folder / "other.safetensors", Trained(SimpleUNet(channels=(16, 32)), ModelCard("mnist")))
    save_file({"a": torch.zeros(2)}, folder / "foreign.safetensors")
    for name in ("damaged", "taken", "elsewhere"):
        (folder / name).mkdir()
        (folder / name / "run.json").write_text("{")
    started = {"card": {"data": "fashion"}, "settings": {"steps": 9}, "images": 60000}
    (folder / "elsewhere" / "run.json").write_text(json.dumps(started))
    return folder


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_gets_one_clear_line(case: str, mess: Path, cdm_here: Cdm) -> None:
    arguments, expected = BAD[case]
    done = cdm_here(*arguments, cwd=mess)
    assert done.returncode == 2, done
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_one_line_from_a_process_too(mess: Path) -> None:
    done = cdm("sample", "--weights", "pickle.pt", cwd=mess)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Traceback" not in done.stdout + done.stderr


def test_nothing_of_the_mess_was_touched(mess: Path) -> None:
    assert (mess / "taken" / "run.json").read_text() == "{"
    assert (mess / "corrupt.safetensors").read_bytes() == b"\x00" * 100


def test_a_loss_that_is_no_number_stops_with_its_step_and_keeps_the_checkpoint(tmp_path: Path, cdm_here: Cdm) -> None:
    done = cdm_here("train", "--steps", "200", "--batch", "8", "--lr", "1e30", cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "became infinite or NaN at step" in done.stderr
    assert "The last good checkpoint is in runs" in done.stderr
    assert done.stderr.count("\n") == 1
    trained = load_weights(tmp_path / "runs" / "mnist" / "model.safetensors")
    assert all(p.isfinite().all() for p in trained.network.parameters())


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: writing beyond it fails as on a full one."""
    assert cdm("train", "--steps", "3", "--batch", "8", cwd=tmp_path).returncode == 0
    run = tmp_path / "runs" / "mnist"
    before = {path: path.read_bytes() for path in [run / "model.safetensors", *(run / "checkpoints").rglob("*.*")]}
    assert len(before) > 4
    _, errors = Started("train", "--resume", "--steps", "6", cwd=tmp_path, limit=100_000).finish(2)
    assert "could not write runs/mnist/checkpoints/00000006 (the checkpoints before it are whole)" in errors
    assert errors.count("\n") == 1
    assert {path: path.read_bytes() for path in before} == before


def test_help_is_there_for_every_command_and_needs_no_torch() -> None:
    script = (
        "import sys; from cdm_tutor.cli import main\n"
        f"for command in [[], *([name] for name in {list(COMMANDS)})]:\n"
        "    sys.argv = ['cdm-tutor', *command, '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: ") == 1 + len(COMMANDS)


def test_the_reference_has_an_entry_for_every_command() -> None:
    part = commands_part()
    assert re.findall("^## (.*)$", part, re.MULTILINE) == list(COMMANDS)
    assert all(f"\ncdm-tutor {name} " in part for name in COMMANDS)
    assert '--8<-- "docs/parts/commands.md"' in (DOCS / "reference" / "commands.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_names_every_option_and_what_there_is_to_choose(
    name: str, cdm_here: Cdm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "180")  # where no name is broken
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", None)  # what it was when typer was imported, if it was set then
    said = cdm_here(name, "--help", cwd=tmp_path).stdout
    for parameter in COMMANDS[name].params:
        assert all(option in said for option in parameter.opts if option.startswith("-"))
    for parameter in signature(COMMANDS[name].callback).parameters.values():
        (kind, *_) = get_args(parameter.annotation) or (None,)
        if get_origin(kind) is Literal:
            assert "|".join(get_args(kind)) in said


def test_the_names_to_choose_from_are_those_that_modules_know() -> None:
    known: dict[Any, dict[str, Any]] = {
        choices.Dataset: CLASS_NAMES,
        choices.ScheduleName: BETAS,
        choices.Solver: {**SOLVERS, "jumps": sample_by_jumps},
    }
    for names, table in known.items():
        assert set(get_args(names)) == table.keys()
    assert choices.Prediction == Prediction


TYPED = {  # an option of train or sharpen, and another value than its default
    "minutes": "3.5", "steps": "7", "data": "full", "data_dir": "the data", "stage": "refiner", "predict": "v",
    "schedule": "linear", "noising_steps": "300", "timesteps": "focused", "batch": "8", "accumulate": "2",
    "lr": "0.001", "processes": "2", "max_restarts": "1", "save_every": "7.0", "use": "mine", "device": "cpu",
    "seed": "5", "start": "none", "weights": "it's.safetensors", "samples": "64", "refine_from": "100", "paths": "64",
    "widths": "32,64", "blocks": "1,1", "fold": "4", "size": "16", "fit": "pad",
}  # fmt: skip


def every_option(name: str, *without: str) -> dict[str, list[str]]:
    """All options of a command as one types them, by the name of the parameter."""
    options = [each for each in COMMANDS[name].params if each.param_type_name == "option" and each.name not in without]
    return {each.name: [each.opts[0]] if each.is_flag else [each.opts[0], TYPED[each.name]] for each in options}


@pytest.fixture
def stopped(tutor: Callable[..., tuple[int, str, str]], anywhere: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a training that a signal ends after its first step; gives back what is printed to go on with it."""

    def one_step(*_: object, **__: object) -> Iterator[Step]:
        yield Step(1, 0.5, (0.5, 0.5, 0.5), 0.1, 0.01, 0.1)
        raise runs.Stopped(signal.SIGTERM)

    monkeypatch.setattr(cli, "share_work", lambda *_: None)
    monkeypatch.setattr("cdm_tutor.cli.course.stand_in", lambda *_: None)
    monkeypatch.setattr(data, "load_images", lambda name, *_: data.load_sample(name))
    monkeypatch.setattr(runs, "kept", one_step)
    monkeypatch.setattr(Sharpening, "draw_samples", lambda *_: torch.zeros(16, 1, 28, 28))
    monkeypatch.setattr(Distilling, "draw_samples", lambda *_: torch.zeros(16, 15, 1, 28, 28))

    def run(*words: str) -> list[str]:
        code, said, error = tutor(*words)
        assert code == 128 + signal.SIGTERM, error
        return shlex.split(said.splitlines()[-1])

    return run


def has(words: list[str], option: list[str]) -> bool:
    return any(words[place : place + len(option)] == option for place in range(len(words)))


def test_to_go_on_with_a_training_nothing_is_forgotten(stopped: Any) -> None:
    """Every option is typed again, or else what it said is in the run's own file."""
    own = {
        "size",
        "grey",
        "colour",
        "fit",
    }  # for images of one's own; and a refiner is told no classes, and folds nothing
    options = every_option("train", "out", "resume", "classes", "widths", "blocks", "fold", *own)
    again = stopped("train", "fashion", "--out", "a run", *chain(*options.values()))
    assert again[:6] == ["cdm-tutor", "train", "fashion", "--resume", "--out", "a run"]
    remembered = (cli.REMEMBERED - {"classes", "widths", "blocks", "fold"} - own) | {"minutes", "steps"}
    assert remembered < options.keys()
    for name, option in options.items():
        assert has(again, option) != (name in remembered), name
    described = json.loads(Path("a run", "run.json").read_text())
    known = described["card"] | {name: value for name, value in described["settings"].items() if value is not None}
    kept_as = {"predict": "prediction", "noising_steps": "T", "compiled": "compile"}
    for name in remembered - {"start"}:  # it is in the weights
        value = known[kept_as.get(name, name)]
        assert value is True if name == "compiled" else str(value) == TYPED[name], name
    options = every_option("train", "out", *cli.REMEMBERED)
    again = stopped("train", "fashion", "--out", "a run", *chain(*options.values()))
    assert all(has(again, option) for option in options.values()), "a new end is typed again"
    build = ["--widths", "32,64", "--blocks", "1,1", "--start", "none"]
    assert not {"--classes", *build} & set(stopped("train", "--classes", *build, "--out", "another run"))
    card = json.loads(Path("another run", "run.json").read_text())["card"]
    assert (card["classes"], card["build"]["blocks"]) == (True, [1, 1])
    assert "--fold" not in stopped("train", "--fold", "4", "--out", "one more")
    assert json.loads(Path("one more", "run.json").read_text())["card"]["build"]["fold"] == 4


def test_to_go_on_with_images_of_ones_own_nothing_is_forgotten(stopped: Any) -> None:
    for number in range(8):
        (Path("mine") / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20), (30 * number, 0, 0)).save(Path("mine") / f"{number % 2}" / f"{number}.png")
    typed = ["--size", "16", "--grey", "--fit", "pad", "--batch", "4"]
    again = stopped("train", "mine", *typed, "--out", "a run")
    assert not set(typed) & set(again)
    assert stopped(*again[1:]) == again
    card = json.loads(Path("a run", "run.json").read_text())["card"]
    assert (card["build"]["side"], card["build"]["channels"], card["squares"]) == (16, 1, "pad")


def test_to_go_on_with_a_sharpening_nothing_is_forgotten(stopped: Any) -> None:
    for path, card in (
        ("it's.safetensors", ModelCard("fashion", "v")),
        ("R.safetensors", ModelCard("fashion", "v", stage="refiner")),
    ):
        save_weights(Path(path), Trained(card.make_network(), card))
    options = every_option("sharpen", "out", "refiner")
    again = stopped("sharpen", "fashion", "--refiner", "R.safetensors", "--out", "a b", *chain(*options.values()))
    made = ["--refiner", "a b/model.safetensors", "--out", "ELSEWHERE"]
    assert again[:7] == ["cdm-tutor", "sharpen", "fashion", *made]
    assert all(has(again, option) for option in options.values())


def test_to_go_on_with_a_distilling_nothing_is_forgotten(stopped: Any) -> None:
    card = ModelCard("fashion", "v")
    save_weights(Path("it's.safetensors"), Trained(card.make_network(), card))
    options = every_option("distill", "out", "start")
    again = stopped("distill", "fashion", "--start", "it's.safetensors", "--out", "a b", *chain(*options.values()))
    made = ["--start", "a b/model.safetensors", "--out", "ELSEWHERE"]
    assert again[:7] == ["cdm-tutor", "distill", "fashion", *made]
    assert all(has(again, option) for option in options.values())


def test_doctor_finds_this_machine_fit(tmp_path: Path, cdm_here: Cdm) -> None:
    done = cdm_here("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "ok  torch" in done.stdout
    assert "cores" in done.stdout


def test_demo_leaves_a_folder_of_yours_alone(tmp_path: Path, cdm_here: Cdm) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = cdm_here("demo", "--out", "mine", cwd=tmp_path)
    assert done.returncode == 2
    assert "mine is not empty, and no demo made it" in done.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_demo_tells_the_whole_story(tmp_path: Path) -> None:
    story = tmp_path / "story"
    story.mkdir()
    for name in (MARK, "left-over.png"):  # of an earlier demo
        (story / name).touch()
    done = cdm("demo", "--minutes", "0.02", "-n", "40", "--out", "story", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (story / "left-over.png").exists()
    page = (story / "index.html").read_text()
    assert str(story / "index.html") in done.stdout.replace("\n", "")
    shown = {part.split('"')[0] for part in page.split('src="')[1:]}
    assert len(shown) >= 7
    for name in shown:
        with Image.open(story / name) as image:
            assert image.width > 100
    with Image.open(story / "denoising.webp") as animation:
        animation.seek(10)  # so many frames it has
    assert "$" not in page
