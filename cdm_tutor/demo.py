"""The whole story in five minutes, told as a page of pictures."""

import html
from pathlib import Path
from string import Template

import torch
from rich.console import Console
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Report, Yardstick
from cdm_tutor.plots import save_animation, save_grid, save_noising, save_schedules
from cdm_tutor.progress import sampling_bar, training_bar
from cdm_tutor.randomness import seeded
from cdm_tutor.runs import Run
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Training
from cdm_tutor.writing import whole_folder

PAGE = Path(__file__).parent / "assets" / "demo.html"
REFINER_SHARE = 1 / 2  # of the time for the U-Net
MARK = ".made-by-demo"  # in a folder that may be replaced


def run_demo(name: str, out: Path, minutes: float, n: int, device: str, seed: int) -> Path:
    """Run every stage once on real images and write pictures, an animation and a page about them.

    Args:
        name: "mnist" or "fashion".
        out: the folder to write to: a new one, an empty one, or one that an earlier demo made, which is replaced.
        minutes: how long to train the U-Net.
        n: how many samples to draw and measure each time.
        device: where to compute.
        seed: decides the training and the samples.

    Returns:
        the page.

    Raises:
        ValueError: if the folder holds anything that no demo made.
        OSError: if it cannot be written; an older demo stays as it was.
    """
    with whole_folder(out, MARK, "demo") as part:
        _tell(name, part, minutes, n, device, seed)
    return out / "index.html"


def _tell(name: str, out: Path, minutes: float, n: int, device: str, seed: int) -> None:
    say = Console().rule
    data = load_sample(name)

    say("1 and 2  noise schedules, and a real image noised")
    save_schedules(out / "schedules.png")
    save_noising(out / "noising.png", data.x0[len(data) // 2], seeded(seed))

    say(f"3 and 6  training a small U-Net from scratch for {minutes:g} minutes")
    focused = TrainSettings(minutes=minutes, seed=seed, timesteps="focused")
    own = _train(out / "run", ModelCard(name, "v"), focused, data.x0, device)

    say("4  sampling: yours, then the weights that come with the package")
    model = load_weights(shipped_weights(name)).to(device)
    settings = SampleSettings(n=n, seed=seed)
    with sampling_bar(2 * n) as advance:
        yours = generate(own.trained, settings, on_batch=advance)
        shipped = generate(model, settings, on_batch=advance)
    frames: list[Tensor] = []
    few = SampleSettings(n=32, steps=40, seed=seed)
    generate(model, few, on_step=lambda guess, x: frames.append(x.cpu()))
    save_grid(out / "yours.png", yours[:64], columns=16)
    save_grid(out / "shipped.png", shipped[:64], columns=16)
    moments = torch.linspace(0, len(frames) - 1, 10).int().tolist()
    strip = torch.stack([frames[moment][:6] for moment in moments], dim=1).flatten(0, 1)
    save_grid(out / "denoising.png", strip, columns=len(moments), zoom=3)
    save_animation(out / "denoising.webp", frames, columns=16)
    save_grid(out / "real.png", data.x0[torch.randperm(len(data), generator=seeded(seed))[:64]], columns=16)

    say("5  refining your samples with a second network")
    refining = TrainSettings(minutes=minutes * REFINER_SHARE, seed=seed, t_below=500)
    refiner = _train(out / "refiner", ModelCard(name, "v", stage="refiner"), refining, data.x0, device)
    with sampling_bar(n) as advance:
        refined = generate(own.trained, settings, refiner=refiner.trained, on_batch=advance)
    save_grid(out / "refined.png", refined[:64], columns=16)
    shipped_refiner = load_weights(shipped_weights(name, "refiner")).to(device)
    with sampling_bar(n) as advance:
        best = generate(model, settings, refiner=shipped_refiner, on_batch=advance)

    say("7  measuring")
    yardstick = Yardstick(name, data.x0)
    reports = {
        "yours": yardstick.report(yours),
        "yours, refined": yardstick.report(refined),
        "shipped weights": yardstick.report(shipped),
        "shipped weights, refined": yardstick.report(best),
    }
    for title, report in reports.items():
        print(f"{title:24} FID {report.fid:6.2f}   ({n} samples; {n} real images: {report.fid_floor:.2f})")
    page = _page(name, minutes, n, own.training, reports)
    (out / "index.html").write_text(page, encoding="utf-8")


def _page(name: str, minutes: float, n: int, training: Training, reports: dict[str, Report]) -> str:
    before, after = reports["yours"].fid, reports["yours, refined"].fid
    moved = f"The FID below went from {before:.1f} to {after:.1f}: "
    moved += "it helps." if after < before else "it does harm, for it was trained too briefly."
    facts = {
        "what": {"mnist": "digit", "fashion": "piece of clothing"}[name],
        "minutes": f"{minutes:g}",
        "steps": f"{training.step:,}",
        "images": f"{training.step * training.settings.batch:,}",
        "rows": "\n".join(_row(title, report, name) for title, report in reports.items()),
        "n": str(n),
        "refined": moved,
        "floor": f"{reports['yours'].fid_floor:.2f}",
    }
    return Template(PAGE.read_text(encoding="utf-8")).substitute(facts)


def _train(folder: Path, card: ModelCard, settings: TrainSettings, x0: Tensor, device: str) -> Run:
    run = Run.create(folder, card, settings, len(x0), device)
    with training_bar(settings.batch) as show:
        for step in run.steps(x0):
            show(step)
    return run


def _row(title: str, report: Report, name: str) -> str:
    common = max(range(10), key=lambda c: report.histogram[c])
    cells = [
        title,
        f"{report.fid:.2f}",
        f"{report.confidence:.0%}",
        f"{CLASS_NAMES[name][common]} ({report.histogram[common]:.0%})",
        f"{report.nearest:.3f} ({report.nearest_floor:.3f})",
    ]
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
