"""Train a few steps as one of several processes; the first writes what came of it.

torchrun ... train.py OUT float32|float64 ACCUMULATE STEPS
"""

import sys

import torch

from cdm_tutor import distributed
from cdm_tutor.data import load_sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Training, fit
from cdm_tutor.unet import SimpleUNet


def main(out: str, dtype: torch.dtype, accumulate: int, steps: int) -> None:
    torch.manual_seed(distributed.rank())  # only the first process's weights may matter
    model = SimpleUNet(channels=(8, 16)).to(dtype)
    settings = TrainSettings(steps=steps, batch=16, accumulate=accumulate, lr=1e-3, prediction="v")
    training = Training(model, make_schedule("cosine"), settings)
    losses = [step.loss for step in fit(training, load_sample("mnist").x0[::90].to(dtype))]
    if distributed.rank() == 0:
        x0 = load_sample("mnist").x0[:16].to(dtype)
        answers = training.ema(x0, torch.arange(16) * 60).detach()
        weights = {"answers": answers, "model": model.state_dict(), "ema": training.ema.state_dict()}
        torch.save({"processes": distributed.world_size(), "losses": losses, **weights}, out)


torch.set_num_threads(1)
with distributed.together():
    main(sys.argv[1], getattr(torch, sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
