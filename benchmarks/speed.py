"""Speed side by side: training and sampling, images a second, contenders in turn in one run.

    python -m benchmarks.speed [--batch 64] [--rounds 3]

Writes benchmarks/results/speed.json. Wants a quiet machine; quote the ratios.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from benchmarks.contenders import CONTENDERS, Contender, loss
from cdm_tutor.data import load_sample
from workshop.machine import machine


def train_rate(contender: Contender, batch: int, steps: int) -> float:
    """Images a second of whole training steps, as each contender's settings have them."""
    x0 = load_sample("fashion").x0[:batch]
    optimizer = torch.optim.AdamW(contender.network.parameters())
    contender.network.train()
    for step in range(-2, steps):  # two to warm up
        if step == 0:
            start = time.perf_counter()
        t = torch.randint(0, 1000, (batch,))
        optimizer.zero_grad()
        loss(contender, x0, t, torch.randn_like(x0)).backward()
        torch.nn.utils.clip_grad_norm_(contender.network.parameters(), 1.0)
        optimizer.step()
    return batch * steps / (time.perf_counter() - start)


@torch.no_grad()
def forward_rate(contender: Contender, batch: int, steps: int) -> float:
    """Images a second through the network alone, as in sampling."""
    model = contender.predict(contender.network.eval())
    x, t = torch.randn(batch, 1, 28, 28), torch.full((batch,), 500)
    for step in range(-2, steps):
        if step == 0:
            start = time.perf_counter()
        model(x, t)
    return batch * steps / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    contenders = {name: make(None) for name, make in CONTENDERS.items()}
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(args.rounds):
        for name, contender in contenders.items():
            steps = 20 if name == "ours" else 4
            rates[name].append((train_rate(contender, args.batch, steps), forward_rate(contender, args.batch, steps)))
    results = {}
    for name, contender in contenders.items():
        train, forward = (statistics.median(column) for column in zip(*rates[name], strict=True))
        ratios = [ours[0] / theirs[0] for ours, theirs in zip(rates["ours"], rates[name], strict=True)]
        results[name] = {
            "title": contender.title,
            "parameters": sum(p.numel() for p in contender.network.parameters()),
            "train": round(train, 1),
            "forward": round(forward, 1),
            "ours_train_ratio": round(statistics.median(ratios), 2),
        }
        print(f"{contender.title:50} train {train:6.0f}  forward {forward:6.0f}  ratio {statistics.median(ratios):.1f}")
    path = Path(__file__).parent / "results" / "speed.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"batch": args.batch, **machine(), "contenders": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
