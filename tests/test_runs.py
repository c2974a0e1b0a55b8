"""A run's folder when things go wrong: broken files, full disks, two at once, a killed launcher."""

import errno
import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cdm_tutor import runs
from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, save_weights
from cdm_tutor.data import load_sample
from cdm_tutor.lock import lock
from cdm_tutor.runs import Run
from cdm_tutor.settings import TrainSettings
from cdm_tutor.shell import typed
from tests.processes import Started

TINY = ("--batch", "4", "--device", "cpu")

pytestmark = pytest.mark.usefixtures("anywhere")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    x0 = load_sample("mnist").x0
    run = Run.create(folder, ModelCard("mnist"), TrainSettings(steps=2, batch=4), len(x0))
    assert len(list(run.steps(x0))) == 2
    return folder


WRONG: dict[str, Any] = {  # what is put into run.json, or the text that takes its place
    **{f"steps {value!r}": ("settings", "steps", value) for value in (0, -1, "9", 1.5, True, [9], 10**30)},
    **{f"batch {value!r}": ("settings", "batch", value) for value in ("64", 0, -4, None, 20_000)},
    **{f"accumulate {value!r}": ("settings", "accumulate", value) for value in (0, "1", 10**30)},
    **{f"t_below {value!r}": ("settings", "t_below", value) for value in (5000, 0, "500")},
    **{f"lr {value!r}": ("settings", "lr", value) for value in (None, float("nan"), 1e40, -1, 0, "fast", float("inf"))},
    **{f"minutes {value!r}": ("settings", "minutes", value) for value in (0, float("nan"), float("inf"), "10")},
    **{f"seed {value!r}": ("settings", "seed", value) for value in (-1, 2**64, None)},
    "prediction": ("settings", "prediction", "x0"),
    "prediction of another kind": ("settings", "prediction", []),
    "prediction unlike the card's": ("settings", "prediction", "v"),
    "timesteps": ("settings", "timesteps", "all"),
    "warmup": ("settings", "warmup", -1),
    "ema_decay": ("settings", "ema_decay", 2),
    "grad_clip": ("settings", "grad_clip", 0),
    "compile": ("settings", "compile", "no"),
    "an unknown setting": ("settings", "speed", 3),
    "an unknown fact of the card": ("card", "author", "me"),
    "T": ("card", "T", 10**9),
    "data": ("card", "data", "../keep"),
    "settings": (None, "settings", [3]),
    "card": (None, "card", None),
    "images": (None, "images", "10000"),
    "a list": "[]",
    "a number": "3",
    "nothing": "",
    "torn": '{"card": {',
    "no settings": '{"card": {"data": "mnist"}, "images": 10000}',
    "no end": '{"card": {"data": "mnist"}, "settings": {}, "images": 10000}',
    "deep": "[" * 50_000 + "]" * 50_000,
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_run_json_gets_one_line(case: str, trained: Path, tutor: Any) -> None:
    path, wrong = trained / "run.json", WRONG[case]
    before = path.read_bytes()
    try:
        if isinstance(wrong, tuple):
            described = json.loads(before)
            part, name, value = wrong
            (described[part] if part else described)[name] = value
            wrong = json.dumps(described)
        path.write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
        code, said, error = tutor("train", "--resume", "--out", str(trained), "--device", "cpu")
    finally:
        path.write_bytes(before)
    assert (code, error.count("\n"), said) == (2, 1, ""), error
    assert "expected" in error or "damaged" in error


@pytest.mark.parametrize("lr", ["inf", "nan", "1e40", "0", "-1"])
def test_a_learning_rate_that_is_none_is_refused_at_once(lr: str, tutor: Any, tmp_path: Path) -> None:
    code, _, error = tutor("train", "--steps", "1", "--lr", lr)
    assert (code, error.count("\n")) == (2, 1)
    assert "expected a learning rate above 0 and at most 1e+30, got " in error
    assert not list(tmp_path.iterdir())


def test_few_noising_steps_have_a_preview(tutor: Any, tmp_path: Path) -> None:
    code, _, error = tutor("train", "--steps", "2", "--noising-steps", "3", "--out", "run", *TINY)
    assert (code, error) == (0, "")
    assert (tmp_path / "run" / "preview.png").exists()


LINES = ['{"step": 1, "lo', "[]", "3", '{"step": 1, "loss": 0.5}', '{"step": 1, "loss": 1.0, "thirds": [1]}', "\x00"]


@pytest.mark.parametrize("line", [*LINES, "[" * 50_000])
def test_a_torn_line_of_the_log_ends_nothing(line: str, trained: Path, tutor: Any) -> None:
    log = trained / "log.jsonl"
    whole = log.read_text().splitlines()[:2]
    log.write_text("\n".join([line, *whole, line]))
    steps = str(json.loads((trained / "log.jsonl").read_text().splitlines()[1])["step"] + 2)
    code, _, error = tutor("train", "--resume", "--steps", steps, "--out", str(trained), "--device", "cpu")
    assert (code, error) == (0, "")
    assert all("thirds" in json.loads(each) for each in log.read_text().splitlines())


@pytest.mark.filterwarnings("always")  # as for users; elsewhere in the tests a warning is an error
@pytest.mark.parametrize("what", ["save_losses", "save_grid", "generate"])
def test_a_picture_never_ends_a_training(
    what: str, tutor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runs, what, full)
    code, said, error = tutor("train", "--steps", "2", "--out", "run", *TINY)
    assert (code, error.count("\n")) == (0, 1)
    assert "could not draw run" in error
    assert "the training goes on: [Errno 28] No space left on device" in error
    assert "Done: 2 steps" in said


def test_a_start_that_fails_leaves_nothing(tutor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tutor("train", "--steps", "1", "--batch", "20000", "--out", "run")[0] == 2
    assert not list(tmp_path.iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for failing in ("save_checkpoint", "save_weights", "_write"):
        for there in (False, True):
            if there:
                (tmp_path / "run").mkdir()
                (tmp_path / "run" / "letter.txt").write_text("Dear all")
            with monkeypatch.context() as patch:
                patch.setattr(runs, failing, full)
                code, _, error = tutor("train", "--steps", "1", "--out", "run", *TINY)
            assert (code, error.count("\n")) == (2, 1)
            assert (tmp_path / "run").exists() == there
        assert tutor("train", "--steps", "1", "--out", "run", *TINY)[0] == 0
        assert (tmp_path / "run" / "letter.txt").read_text() == "Dear all"
        subprocess.run(["rm", "-r", "run"], cwd=tmp_path, check=True)


def test_printed_commands_run_as_printed(tutor: Any, tmp_path: Path) -> None:
    """Whatever the folder is called; a signal after the first step, and what was printed goes on."""
    for name in ("a b", "it's", "(x)", "$HOME", "a;b"):
        code, said, _ = tutor("train", "--steps", "1", "--out", name, *TINY)
        assert code == 0
        command = shlex.split(said[said.index("More: ") :].removeprefix("More: "))
        assert command == ["cdm-tutor", "sample", "--weights", f"{name}/model.safetensors"]
        assert tutor(*command[1:], "-n", "1", "--steps", "2")[0] == 0


def test_what_is_printed_after_a_signal_goes_on_with_all_that_matters(tmp_path: Path) -> None:
    flags = ["--save-every", "7", "--max-restarts", "1", "--processes", "2", "--device", "cpu"]
    process = Started("train", "--steps", "5000", "--batch", "4", "--out", "it's (mine)", *flags, cwd=tmp_path)
    process.wait_for(tmp_path / "it's (mine)" / "log.jsonl", 2)
    process.send(signal.SIGTERM)
    said, _ = process.finish(143)
    again = shlex.split(said.split("To go on:\n")[1].splitlines()[0])
    assert again[:6] == ["cdm-tutor", "train", "mnist", "--resume", "--out", "it's (mine)"]
    for flag, value in zip(flags[::2], flags[1::2], strict=True):
        assert float(again[again.index(flag) + 1]) == float(value) if value != "cpu" else flag in again
    Started(*again[1:], "--steps", "1", cwd=tmp_path).finish()


def test_typed() -> None:
    assert typed("mv", "a b", 3) in ("mv 'a b' 3", 'mv "a b" 3')


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_second_training_in_a_folder_is_refused(processes: str, tutor: Any, tmp_path: Path) -> None:
    process = Started("train", "--steps", "5000", "--out", "run", "--processes", processes, *TINY, cwd=tmp_path)
    try:
        process.wait_for(tmp_path / "run" / "log.jsonl", 2)
        for how in ([], ["--resume"]):
            code, _, error = tutor("train", "--steps", "1", "--out", "run", *how, *TINY)
            assert (code, error.count("\n")) == (2, 1)
            assert "another training is at work in run" in error
    finally:
        process.send(signal.SIGKILL)  # leaves no lock behind
        process.finish(-signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (
        code := tutor("train", "--resume", "--steps", "1", "--out", "run", *TINY)[0]
    ) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert code == 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in Linux's /proc")
def test_workers_end_with_a_killed_launcher(tmp_path: Path) -> None:
    process = Started("train", "--steps", "5000", "--out", "run", "--processes", "2", *TINY, cwd=tmp_path)
    process.wait_for(tmp_path / "run" / "log.jsonl", 2)
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(found) == 2
    process.send(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(map(alive, found)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, found))


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_settings_check_themselves() -> None:
    for wrong in ({"steps": 0}, {"batch": "64"}, {"lr": float("nan")}, {"t_below": 0}, {"prediction": torch}):
        (name,) = wrong
        with pytest.raises(ValueError, match=f"{name}: expected .*, got "):
            TrainSettings(**wrong)


DIGESTS: dict[str, Any] = {
    "a list": [],
    "a number": 3,
    "nothing": None,
    "a word": "rest.pt",
    "empty": {},
    "one file": {"rest.pt": "0" * 64},
    "a path outside": {"../../keep": "0" * 64},
    "an absolute path": {"/etc/passwd": "0" * 64},
    "outside, too": {**dict.fromkeys(("model.safetensors", "ema.safetensors", "rest.pt"), "0" * 64), "../x": "0" * 64},
    "a list for a sum": {"model.safetensors": [], "ema.safetensors": "", "rest.pt": ""},
    "no sums": dict.fromkeys(("model.safetensors", "ema.safetensors", "rest.pt")),
}


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("text", [*map(json.dumps, DIGESTS.values()), "", "{", "[" * 50_000 + "]" * 50_000, "\0"])
def test_wrong_digests_get_one_line_each(text: str, trained: Path, tutor: Any, tmp_path: Path) -> None:
    """Each checkpoint is passed over in a line, and the last line says that none is left."""
    shutil.copytree(trained, tmp_path / "run")
    sums = list((tmp_path / "run" / "checkpoints").glob("*/sha256.json"))
    for path in sums:
        path.write_text(text)
    code, said, error = tutor("train", "--resume", "--out", "run", "--device", "cpu")
    *passed_over, last = error.splitlines()
    assert (code, said, len(passed_over)) == (2, "", len(sums)), error
    assert all("passing over the damaged checkpoint" in line for line in passed_over)
    assert last == "cdm-tutor: no checkpoint in run/checkpoints is whole"


@pytest.mark.parametrize("left_out", [(), ("timesteps", "t_below", "bf16", "compile", "accumulate"), ("warmup", "lr")])
def test_runs_of_before_go_on(left_out: tuple[str, ...], trained: Path, tutor: Any, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / ".lock").unlink()
    path = tmp_path / "run" / "run.json"
    described = json.loads(path.read_text())
    del described["launch"]
    described["card"] = {"data": "mnist"}
    for name in left_out:
        del described["settings"][name]
    path.write_text(json.dumps(described))
    code, said, error = tutor("train", "--resume", "--steps", "9", "--out", "run", "--device", "cpu")
    assert (code, error) == (0, "")
    assert "Done: 9 steps" in said


@pytest.mark.parametrize("name", ["log.jsonl", "checkpoints", "model.safetensors", "run.json", ".lock"])
def test_what_stands_in_the_way_of_a_start_is_left_alone(name: str, tutor: Any, tmp_path: Path) -> None:
    """A folder where a file should be, or a file where a folder should be: one line, and nothing is made or lost."""
    wrong = tmp_path / "run" / name
    wrong.parent.mkdir()
    wrong.touch() if name == "checkpoints" else wrong.mkdir()
    code, _, error = tutor("train", "--steps", "1", "--out", "run", *TINY)
    assert (code, error.count("\n")) == (2, 1), error
    assert {path.name for path in wrong.parent.iterdir()} == {name}
    shutil.rmtree(wrong.parent)
    assert tutor("train", "--steps", "1", "--out", "run", *TINY)[0] == 0


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("name", ["loss.png", "preview.png", "log.jsonl"])
def test_a_folder_in_a_pictures_place_ends_nothing(
    name: str, tutor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = Run.preview

    def preview(run: Run) -> None:
        if name == "log.jsonl":
            (run.folder / name).unlink()
        (run.folder / name).mkdir()
        draw(run)

    monkeypatch.setattr(Run, "preview", preview)
    code, said, error = tutor("train", "--steps", "2", "--out", "run", *TINY)
    assert (code, error.count("\n")) == (0, 1)
    assert "could not draw run" in error
    assert "Done: 2 steps" in said


def test_weights_of_others_are_not_written_over(tutor: Any, tmp_path: Path) -> None:
    (tmp_path / "sharp").mkdir()
    (tmp_path / "sharp" / "model.safetensors").write_text("minutes of work")
    (tmp_path / "left" / "checkpoints" / "00000060").mkdir(parents=True)
    for folder in ("sharp", "left"):
        code, _, error = tutor("train", "--steps", "1", "--out", folder, *TINY)
        assert (code, error) == (2, f"cdm-tutor: {folder} holds weights already: --out names another folder\n")
    assert (tmp_path / "sharp" / "model.safetensors").read_text() == "minutes of work"


def test_a_start_that_is_refused_takes_nothing_from_the_first(tmp_path: Path) -> None:
    """Even before the first has written anything but its lock; the second leaves all as it was."""
    (tmp_path / "run").mkdir()
    with lock(tmp_path / "run"):
        with pytest.raises(ValueError, match="another training is at work"):
            Run.create(tmp_path / "run", ModelCard("mnist"), TrainSettings(steps=1, batch=4), 10)
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


def test_where_a_file_system_knows_no_locks_one_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", unknown)
    with lock(tmp_path), lock(tmp_path):
        pass


def test_a_start_that_fails_takes_the_folders_above_with_it(
    tutor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "save_weights", interrupted)
    assert tutor("train", "--steps", "1", "--out", "a/b/run", *TINY)[0] == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("after", ["save_checkpoint", "_write", "save_weights"])
def test_a_start_that_is_killed_starts_again_or_goes_on(after: str, tutor: Any, tmp_path: Path) -> None:
    """Killed right after each of its three writes: nothing has a chance to tidy up."""
    code = (
        "import os, sys; from cdm_tutor import cli, runs\n"
        f"before = runs.{after}\n"
        f"def killed(*of): before(*of); os.kill(os.getpid(), 9)\n"
        f"runs.{after} = killed\n"
        "sys.argv = ['cdm-tutor', 'train', '--steps', '2', '--out', 'run', '--batch', '4', '--device', 'cpu']\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL
    how = [] if after == "save_checkpoint" else ["--resume"]
    assert tutor("train", "--steps", "2", "--out", "run", *how, *TINY)[0] == 0


@pytest.mark.filterwarnings("always")
def test_sharpening_keeps_others_out_and_goes_on_without_a_picture(
    tutor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = tmp_path / "it's.safetensors"
    card = ModelCard("mnist", "v", stage="refiner")
    save_weights(start, Trained(card.make_network(), card))
    few = ("--refiner", start.name, "--samples", "64", "--minutes", "0.01", "--out", "a b", "--device", "cpu")
    (tmp_path / "a b").mkdir()
    with lock(tmp_path / "a b"):
        code, _, error = tutor("sharpen", *few)
    assert (code, error.count("\n")) == (2, 1)
    assert "another training is at work in a b" in error

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(runs, "save_grid", full)
        code, said, error = tutor("sharpen", *few)
    assert (code, error.count("\n")) == (0, 1)
    assert "could not draw a b/preview.png, the training goes on" in error
    command = shlex.split(said[said.index("Use it: ") :].removeprefix("Use it: "))
    assert command[:5] == ["cdm-tutor", "sample", "mnist", "--refiner", "a b/model.safetensors"]
    assert tutor(*command[1:], "-n", "1", "--steps", "2")[0] == 0
