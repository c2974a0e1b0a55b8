"""The names there are to choose from, in a file that needs no torch: the command line shows them in its help.

Where a module has a table of what a name stands for, or, as a lesson's file, says the names itself, a test holds the
two together.
"""

from typing import Literal

Dataset = Literal["mnist", "fashion"]  # CLASS_NAMES in data.py
Source = Literal["sample", "full"]  # how much of a data set
Stage = Literal["unet", "refiner", "consistency"]  # which network
Prediction = Literal["noise", "v"]  # Prediction in noising.py
ScheduleName = Literal["linear", "cosine"]  # BETAS in schedule.py
Timesteps = Literal["uniform", "focused"]  # which timesteps to train on
Solver = Literal["dpm", "ddim", "ddpm", "jumps"]  # SOLVERS in sampler.py, and sample_by_jumps
Device = Literal["auto", "cpu", "cuda", "mps"]  # where to compute
Keep = Literal["left", "right", "top", "bottom"]  # which half of a picture
Squares = Literal["cut", "pad"]  # how pictures become squares
Whose = Literal["reference", "mine"]  # whose code to run


def drawn_by(solver: str) -> Stage:
    """The network that draws by a solver."""
    return "consistency" if solver == "jumps" else "unet"
