"""Quality at equal time: train the contenders on the same images for the same minutes, compare FIDs.

    python -m benchmarks.equal_time train DATA_DIR CONTENDER [--minutes 10]
    python -m benchmarks.equal_time measure CONTENDER [--n 5000]
    python -m benchmarks.equal_time report

`train` wants a quiet machine; it keeps snapshots in out/equal_time/. `measure` samples from them, by the default
solver in 20 steps (for the slower contenders this takes longer than the training), and writes
benchmarks/results/equal_time.json. `report` says how we compare. Data: the 60,000 training images of Fashion-MNIST.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.contenders import CONTENDERS, Contender
from cdm_tutor.data import load_full, load_sample
from cdm_tutor.generate import BATCH
from cdm_tutor.metrics import Yardstick
from cdm_tutor.progress import sampling_bar
from cdm_tutor.sampler import sample
from cdm_tutor.trainer import Training, fit
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results"
OUT = Path("out/equal_time")
QUARTERS = 4
CURVE = 500  # samples of a snapshot, for the curve over the time


class Adapter(nn.Module):
    """Calls a contender's network as our training loop does."""

    def __init__(self, contender: Contender) -> None:
        super().__init__()
        self.network = contender.network
        self.predict = contender.predict

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        return self.predict(self.network)(x_t, t)


def train(data_dir: str, name: str, minutes: float) -> None:
    """Train one contender, keeping its averaged weights after each quarter of the time."""
    OUT.mkdir(parents=True, exist_ok=True)
    images = load_full("fashion", data_dir).x0
    torch.manual_seed(0)
    contender = CONTENDERS[name](minutes)
    training = Training(Adapter(contender), contender.schedule, contender.settings)
    quarter = 1
    for step in fit(training, images):
        if step.progress >= quarter / QUARTERS:
            torch.save(training.ema.state_dict(), OUT / f"{name}-{quarter}.pt")
            print(f"{name}: {step.seconds / 60:.1f} minutes, step {step.step}, loss {step.loss:.4f}", flush=True)
            quarter += 1
    facts = {
        "title": contender.title,
        "settings": contender.note,
        "parameters": sum(p.numel() for p in contender.network.parameters()),
        "minutes": minutes,
        "steps": training.step,
        "images": training.step * contender.settings.batch,
        "trained": machine(),
    }
    (OUT / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")


def measure(name: str, n: int) -> None:
    """FID of the last snapshot with n samples, then of those before it with CURVE."""
    contender = CONTENDERS[name](None)
    model = Adapter(contender)
    yardstick = Yardstick("fashion", load_sample("fashion").x0)

    def drawn(quarter: int, count: int) -> Tensor:
        model.load_state_dict(torch.load(OUT / f"{name}-{quarter}.pt", weights_only=True))
        return draw(model, contender, count)

    images = drawn(QUARTERS, n)
    report = yardstick.report(images)
    facts = json.loads((OUT / f"{name}.json").read_text())
    facts |= {"fid": report.fid, "fid_floor": report.fid_floor, "n": report.n}
    facts |= {"kid": report.kid, "histogram": report.histogram, "curve": [], "curve_n": CURVE}
    print(f"{name}: FID {report.fid:.2f} (floor {report.fid_floor:.2f}, n = {n})", flush=True)
    path = RESULTS / "equal_time.json"
    for quarter in range(QUARTERS, 0, -1):
        some = images[:CURVE] if quarter == QUARTERS else drawn(quarter, CURVE)
        facts["curve"].insert(0, yardstick.fid(yardstick.features(some)))
        print(f"{name}: quarter {quarter}, FID of {CURVE} samples {facts['curve'][0]:.2f}", flush=True)
        others = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(others | {name: facts}, indent=2) + "\n")


def draw(model: nn.Module, contender: Contender, n: int) -> Tensor:
    """n samples by the default solver in 20 steps, the same starting noise for every contender."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(n, 1, 28, 28, generator=generator)
    walk = partial(sample, generator=generator, solver="dpm", steps=20, prediction=contender.settings.prediction)
    drawn = []
    with sampling_bar(n) as advance:
        for x_T in noise.split(BATCH):
            drawn.append(walk(model, x_T, contender.schedule))
            advance(len(x_T))
    return torch.cat(drawn)


def report() -> None:
    """Say how we compare, from the results file."""
    results = json.loads((RESULTS / "equal_time.json").read_text())
    for facts in results.values():
        print(f"{facts['title']}: FID {facts['fid']:.2f} after {facts['minutes']:g} minutes, {facts['images']} images")
    others = min(facts["fid"] for name, facts in results.items() if name != "ours")
    print(f"ours is {others / results['ours']['fid']:.2f} times smaller than the better of theirs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("train", "measure"):
        sub = commands.add_parser(command)
        if command == "train":
            sub.add_argument("data_dir")
        sub.add_argument("name", choices=CONTENDERS, metavar="CONTENDER")
        if command == "train":
            sub.add_argument("--minutes", type=float, default=10)
        else:
            sub.add_argument("--n", type=int, default=5000)
    commands.add_parser("report")
    args = parser.parse_args()
    if args.command == "train":
        train(args.data_dir, args.name, args.minutes)
    elif args.command == "measure":
        measure(args.name, args.n)
    else:
        report()


if __name__ == "__main__":
    main()
