"""Train the classifiers that the yardstick stands on, and count the features of the training sets.

    python -m workshop.classifier DATA_DIR [--epochs 6] [--only NAME]

DATA_DIR holds the full sets in torchvision's layout. Writes to cdm_tutor/assets/, for each data set:
NAME-classifier.safetensors (half precision), NAME-features.safetensors (sums over the 60,000 training
images, from which their mean and covariance follow) and NAME-classifier.json (accuracy, date, machine).
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from cdm_tutor.data import ASSETS, CLASS_NAMES, Images, load_full
from cdm_tutor.metrics import UNSURE, Classifier
from workshop.machine import machine


def shifted(x0: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The batch moved by up to one pixel, one shift a batch: digits and clothes are not centred alike."""
    dy, dx = torch.randint(0, 3, (2,), generator=generator).tolist()
    return F.pad(x0, (1, 1, 1, 1), value=-1)[:, :, dy : dy + 28, dx : dx + 28]


def train(data: Images, epochs: int) -> Classifier:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = Classifier().to(memory_format=torch.channels_last)
    steps = epochs * (len(data) // 128)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    lr = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    for epoch in range(epochs):
        start, total = time.perf_counter(), 0.0
        for index in torch.randperm(len(data), generator=generator).split(128)[: len(data) // 128]:
            x0 = shifted(data.x0[index], generator)
            loss = F.cross_entropy(model.logits(model(x0)), data.labels[index], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            lr.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}/{epochs}  loss {total / (len(data) // 128):.4f}  {seconds:.0f} s", flush=True)
    return model.eval()


@torch.no_grad()
def features(model: Classifier, x0: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(batch) for batch in x0.split(500)])


@torch.no_grad()
def judge(model: Classifier, test: Images) -> dict[str, float]:
    """On the test images: the share that it names rightly, and of which it is unsure."""
    probabilities = model.logits(features(model, test.x0)).softmax(dim=1)
    right = (probabilities.argmax(dim=1) == test.labels).float().mean().item()
    unsure = (probabilities.amax(dim=1) < UNSURE).float().mean().item()
    return {"test_accuracy": round(right, 4), "unsure": round(unsure, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", choices=CLASS_NAMES, help="one data set instead of both")
    args = parser.parse_args()
    for name in [args.only] if args.only else CLASS_NAMES:
        data, test = load_full(name, args.data_dir), load_full(name, args.data_dir, train=False)
        start = time.perf_counter()
        model = train(data, args.epochs)
        minutes = (time.perf_counter() - start) / 60

        # what is shipped is measured: round to half precision first
        weights = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in model.state_dict().items()}
        save_file(weights, ASSETS / f"{name}-classifier.safetensors")
        model.load_state_dict(weights)
        judged = judge(model, test)
        real = features(model, data.x0).double()
        sums = {"sum": real.sum(0), "cov_sum": real.T @ real, "count": torch.tensor(len(real))}
        save_file(sums, ASSETS / f"{name}-features.safetensors")
        report = {**judged, "epochs": args.epochs, "minutes": round(minutes, 1), **machine()}
        (ASSETS / f"{name}-classifier.json").write_text(json.dumps(report, indent=2) + "\n")
        print(name, report, flush=True)


if __name__ == "__main__":
    main()
