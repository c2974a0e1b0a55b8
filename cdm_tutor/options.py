"""The command line's options and arguments: their types, bounds and help; what is typed again to go on."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from cdm_tutor import choices


def finite(number: float | None) -> float | None:
    """Refuse nan and inf, which are within any bounds that typer knows."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is not a finite number.")
    return number


def given(context: typer.Context, names: Collection[str] | None = None, but: Collection[str] = ()) -> list[object]:
    """What the command line gave of its options, or of these, or of all but those, to be typed again."""
    words: list[object] = []
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        wanted = option.name not in but if names is None else option.name in names
        if wanted and option.param_type_name == "option" and source and source.name == "COMMANDLINE":
            value = context.params[option.name or ""]
            words += [option.opts[0]] if value is True else [option.opts[0], value]
    return words


# which data, and which weights
Dataset = Annotated[choices.Dataset, typer.Argument(help="Digits (mnist) or clothes (fashion).")]
Place = Annotated[
    str,
    typer.Argument(
        metavar="[mnist|fashion|FOLDER|...]",
        help="Digits (mnist), clothes (fashion), a folder of your own images, a file of arrays (.npz), or a data set "
        "that torchvision knows, as kmnist or cifar10.",
    ),
]
Size = Annotated[
    int | None,
    typer.Option("--size", min=8, max=512, help="Side of your own images, in pixels (default: what fits, at most 64)."),
]
Grey = Annotated[bool, typer.Option("--grey", help="Take your own images without colours (default: as they are).")]
Colour = Annotated[bool, typer.Option("--colour", help="Take them with three channels, also where all are grey.")]
Squares = Annotated[
    choices.Squares, typer.Option("--fit", help="Make squares of your own images: cut the sides, or pad them.")
]
Widths = Annotated[
    str | None,
    typer.Option(
        metavar="N,...", help="Channels of the network at each size (default: by the images; 32,64 for digits)."
    ),
]
Blocks = Annotated[
    str | None, typer.Option(metavar="N,...", help="Its residual blocks at each size (default: 1,2 for two sizes).")
]
Fold = Annotated[
    int | None,
    typer.Option(min=1, max=8, help="The side of the squares of pixels that it folds into channels (default: 2 or 4)."),
]
Data = Annotated[
    choices.Source,
    typer.Option(
        "--data", help="'sample': the 10,000 images that come with the package. 'full': all, downloaded once."
    ),
]
DataDir = Annotated[
    Path | None, typer.Option(help="Read the full set from this folder, laid out as torchvision does; never downloads.")
]
Weights = Annotated[
    Path | None,
    typer.Option(help="A model.safetensors of your own, instead of the weights that come with the package."),
]
Exported = Annotated[
    str,
    typer.Argument(
        metavar="WEIGHTS", help="Your model.safetensors; or mnist or fashion, for what comes with the package."
    ),
]
Diagnosed = Annotated[
    Path,
    typer.Argument(
        metavar="WHAT", show_default=False, help="A PNG, a folder of PNGs, a model.safetensors or a run's folder."
    ),
]
Shows = Annotated[
    choices.Dataset | None, typer.Option(help="What the images should show (default: what the weights say, or mnist).")
]

ShippedClasses = Annotated[
    bool, typer.Option("--classes", help="The network that can be told a class, of those that come with the package.")
]

# how many, and where to
Images = Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many images.")]
Measured = Annotated[int, typer.Option("-n", min=2, max=10000, help="How many samples to draw and measure.")]
Evaluated = Annotated[
    int, typer.Option("-n", min=2, max=10000, help="How many samples; FIDs of different n do not compare.")
]
Drawn = Annotated[int, typer.Option("-n", min=1, max=1000, help="How many images to draw, from weights.")]
Picture = Annotated[Path, typer.Option(help="The PNG to write.")]
Open = Annotated[bool, typer.Option("--open", help="Show the picture when it is written.")]
WithReal = Annotated[bool, typer.Option("--real", help="A row of real images under the samples, to compare with.")]
Figures = Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")]
DemoFolder = Annotated[Path, typer.Option(help="Where to write the pictures and the page.")]
WebFolder = Annotated[Path, typer.Option(help="The folder to write to.")]

# how to sample
SamplingSteps = Annotated[
    int,
    typer.Option(
        min=1, help="Sampling steps: fewer are faster, more are better, up to a point (default for jumps: 1)."
    ),
]
Solver = Annotated[
    choices.Solver,
    typer.Option(
        help="dpm: best at few steps. ddim: the classic. ddpm: the original, wants 100 or more. jumps: of a "
        "consistency network, one or two (default with one: jumps)."
    ),
]
Eta = Annotated[
    float | None,
    typer.Option(min=0, max=1, callback=finite, help="Share of fresh noise in each step, for dpm and ddim."),
]
Refine = Annotated[bool, typer.Option("--refine", help="Refine the samples with a second network.")]
Refiner = Annotated[
    Path | None,
    typer.Option(help="Refine with this model.safetensors, instead of the refiner that comes with the package."),
]
RefineFrom = Annotated[int, typer.Option(min=1, help="To which step the samples are noised before they are refined.")]

Labels = Annotated[
    str | None,
    typer.Option(
        "--label", metavar="CLASS,...|all", help="Draw this class, by number or name; several: a row of images each."
    ),
]
GuidanceScale = Annotated[
    float | None,
    typer.Option(
        "--guidance",
        callback=finite,
        help="How much the class counts: 1 as in training; more: clearer, and less varied (default: 2).",
    ),
]
Complete = Annotated[
    Path | None, typer.Option(metavar="PICTURE", help="Keep half of this picture, and draw the rest (see --keep).")
]
KeepHalf = Annotated[choices.Keep | None, typer.Option("--keep", help="Which half of it to keep (default: left).")]
Sketch = Annotated[
    Path | None, typer.Option("--from", metavar="PICTURE", help="Make images of this picture, a sketch.")
]
FromStep = Annotated[
    int | None, typer.Option(min=0, help="To which step to noise it: more changes more of it (default: 500).")
]

# how to train
Stage = Annotated[choices.Stage, typer.Option(help="Which network to train.")]
Classes = Annotated[
    bool, typer.Option("--classes", help="Tell the network the class of each image, so that it can be asked for one.")
]
StartWith = Annotated[
    str | None,
    typer.Option(
        metavar="WEIGHTS|none",
        help="Begin with the weights of this file, and predict what they predict; 'none': begin with fresh ones, "
        "(default; with --classes and for consistency: the weights that come with the package).",
    ),
]
Predict = Annotated[choices.Prediction, typer.Option(help="What the network learns to predict.")]
Schedule = Annotated[choices.ScheduleName, typer.Option(help="How the noise grows.")]
NoisingSteps = Annotated[int, typer.Option(min=2, help="T, the number of noising steps.")]
Timesteps = Annotated[
    choices.Timesteps,
    typer.Option(help="'uniform': all alike. 'focused': three in four near the middle; learns faster."),
]
Batch = Annotated[int, typer.Option(min=2, help="Images in a training step, of all processes together.")]
Accumulate = Annotated[int, typer.Option(min=1, help="Take a step's images in so many parts: saves memory.")]
LearningRate = Annotated[
    float, typer.Option(help="The largest learning rate; to tune a consistency network, 0.0003 unless it is said.")
]
Minutes = Annotated[
    float,
    typer.Option(
        min=0.01, callback=finite, help="How long to train the first network; all of it takes 2.5 times as long."
    ),
]
TrainMinutes = Annotated[float | None, typer.Option(min=0.01, help="Train for so long (default: 10).")]
TrainSteps = Annotated[int | None, typer.Option(min=1, help="Train for so many steps instead.")]
RunFolder = Annotated[
    Path | None, typer.Option(help="The run's folder (default: runs/DATASET, runs/DATASET-refiner or -classes).")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder, with its settings.")]
MaxRestarts = Annotated[
    int, typer.Option(min=0, help="When a process dies, go on from the last checkpoint; so often at most.")
]
SaveEvery = Annotated[float, typer.Option(min=0, help="Seconds between checkpoints.")]
Compile = Annotated[bool, typer.Option("--compile", help="Use torch.compile; pays on GPUs.")]
Start = Annotated[
    Path | None, typer.Option(help="The refiner to start from (default: runs/DATASET-refiner/model.safetensors).")
]
Samples = Annotated[int, typer.Option(min=64, max=100_000, help="How many samples of the first network to learn from.")]
Distilled = Annotated[
    Path | None,
    typer.Option(help="The consistency network to start from (default: the first network, which then learns to jump)."),
]
Paths = Annotated[int, typer.Option(min=64, max=100_000, help="How many paths from noise to an image to learn from.")]
DistilledFolder = Annotated[Path | None, typer.Option(help="The folder to write to (default: runs/DATASET-distilled).")]
SharpFolder = Annotated[Path | None, typer.Option(help="The folder to write to (default: runs/DATASET-sharp).")]

# on what, and whose code
Processes = Annotated[int, typer.Option(min=1, help="Share the work between so many processes of this machine.")]
Device = Annotated[choices.Device, typer.Option(help="Where to compute; 'auto' takes a GPU if there is one.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same machine: same result.")]
Use = Annotated[
    choices.Whose,
    typer.Option(help="'mine': your finished lessons in place of the package's own code, which does the rest."),
]

# in the course
Lesson = Annotated[str, typer.Argument(metavar="LESSON", help="Which lesson, as in 3 or 03.", show_default=False)]
LessonOrAll = Annotated[
    str, typer.Argument(metavar="LESSON|all", help="Which lesson, as in 3 or 03; or all.", show_default=False)
]
NotebookFolder = Annotated[
    Path, typer.Argument(metavar="[DIR]", help="Where to (default: here). It is made if need be.", show_default=False)
]
Exercise = Annotated[
    str,
    typer.Argument(
        metavar="EXERCISE", help="Which function, by its name; cdm-tutor status lists them.", show_default=False
    ),
]
HintedExercise = Annotated[
    str | None,
    typer.Argument(metavar="EXERCISE", help="Which function, by its name; default: the first not yet passed."),
]
ShownExercise = Annotated[
    str | None,
    typer.Argument(metavar="EXERCISE", help="Which function, by its name; default: all that are written."),
]
Shown = Annotated[Path | None, typer.Option(help="The PNG to write (default: out/show/LESSON.png).")]
ShowToo = Annotated[bool, typer.Option("--show", help="Also draw what your code does, as cdm-tutor show.")]
More = Annotated[bool, typer.Option("--more", help="Also the next one.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Page = Annotated[
    str, typer.Argument(metavar="[PAGE]", help="A page, as clinic/01.html#cosine-not-squared.", show_default=False)
]
OnlyPrint = Annotated[bool, typer.Option("--print", help="Only say its address, for a browser elsewhere.")]
NewFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made if need be.", show_default=False)]

# grading a class
Submissions = Annotated[
    Path,
    typer.Argument(
        metavar="SUBMISSIONS",
        help="A folder with what was turned in: course folders, zips, or files as schedule.py. Or one of these.",
        show_default=False,
    ),
]
Lessons = Annotated[
    str | None,
    typer.Option(metavar="N-N", help="Which lessons, as in 1-4 or 1,3 (default: those in which somebody has begun)."),
]
GradesFolder = Annotated[Path, typer.Option("--out", help="Where the results go; those of before are replaced.")]
ExamplesSeed = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, help="Seed of the random cases that are tried (default: a new one, which the results name)."
    ),
]
PointsFile = Annotated[
    Path | None,
    typer.Option("--points", help="A TOML file with the points of exercises (default: one point each)."),
]
