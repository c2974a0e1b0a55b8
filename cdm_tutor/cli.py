"""The command line: parse, call, print. Whatever needs torch is imported when a command runs."""

import math
import os
import sys
import warnings
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cdm_tutor.shell import typed

if TYPE_CHECKING:
    from torch import Tensor

    from cdm_tutor.course.lesson import Lesson
    from cdm_tutor.data import Images
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.runs import Run

SAVE_EVERY = 60.0
LAUNCHED = "TORCHELASTIC_RUN_ID"  # set in each of several processes that a launcher started

app = typer.Typer(
    help="Build a diffusion model from an empty file. New here? Run: cdm-tutor demo",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Dataset(StrEnum):
    """The data sets."""

    mnist = "mnist"
    fashion = "fashion"


class Source(StrEnum):
    """How much of a data set."""

    sample = "sample"
    full = "full"


class Predict(StrEnum):
    """What a network predicts."""

    noise = "noise"
    v = "v"


class Timesteps(StrEnum):
    """Which timesteps to train on."""

    uniform = "uniform"
    focused = "focused"


class ScheduleName(StrEnum):
    """The noise schedules."""

    linear = "linear"
    cosine = "cosine"


class Stage(StrEnum):
    """Which network."""

    unet = "unet"
    refiner = "refiner"


class SolverName(StrEnum):
    """The samplers."""

    dpm = "dpm"
    ddim = "ddim"
    ddpm = "ddpm"


class DeviceName(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Whose(StrEnum):
    """Whose code to run."""

    reference = "reference"
    mine = "mine"


def finite(number: float | None) -> float | None:
    """Refuse nan and inf, which are within any bounds that typer knows."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is not a finite number.")
    return number


DatasetArgument = Annotated[Dataset, typer.Argument(help="Digits (mnist) or clothes (fashion).")]
SourceOption = Annotated[
    Source,
    typer.Option(
        "--data", help="'sample': the 10,000 images that come with the package. 'full': all, downloaded once."
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(help="Read the full set from this folder, laid out as torchvision does; never downloads."),
]
DeviceOption = Annotated[DeviceName, typer.Option(help="Where to compute; 'auto' takes a GPU if there is one.")]
SeedOption = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same machine: same result.")]
WeightsOption = Annotated[
    Path | None,
    typer.Option(help="A model.safetensors of your own, instead of the weights that come with the package."),
]
RefineOption = Annotated[bool, typer.Option("--refine", help="Refine the samples with a second network.")]
RefinerOption = Annotated[
    Path | None,
    typer.Option(help="Refine with this model.safetensors, instead of the refiner that comes with the package."),
]
RefineFromOption = Annotated[
    int, typer.Option(min=1, help="To which step the samples are noised before they are refined.")
]
StepsOption = Annotated[
    int, typer.Option(min=1, help="Sampling steps: fewer are faster, more are better, up to a point.")
]
SolverOption = Annotated[
    SolverName, typer.Option(help="dpm: best at few steps. ddim: the classic. ddpm: the original, wants 100 or more.")
]
ProcessesOption = Annotated[int, typer.Option(min=1, help="Share the work between so many processes of this machine.")]
EtaOption = Annotated[
    float | None,
    typer.Option(min=0, max=1, callback=finite, help="Share of fresh noise in each step, for dpm and ddim."),
]
UseOption = Annotated[
    Whose,
    typer.Option(help="'mine': your finished lessons in place of the package's own code, which does the rest."),
]
COURSE = "The course"
LessonArgument = Annotated[
    str, typer.Argument(metavar="LESSON", help="Which lesson, as in 3 or 03.", show_default=False)
]
ExerciseArgument = Annotated[
    str,
    typer.Argument(
        metavar="EXERCISE", help="Which function, by its name; cdm-tutor status lists them.", show_default=False
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


@app.command()
def demo(
    context: typer.Context,
    dataset: DatasetArgument = Dataset.mnist,
    out: Annotated[Path, typer.Option(help="Where to write the pictures and the page.")] = Path("out/demo"),
    minutes: Annotated[float, typer.Option(min=0.01, callback=finite, help="How long to train.")] = 2.0,
    n: Annotated[int, typer.Option("-n", min=2, max=10000, help="How many samples to draw and measure.")] = 500,
    use: UseOption = Whose.reference,
    device: DeviceOption = DeviceName.auto,
    seed: SeedOption = 0,
) -> None:
    """The whole story in five minutes: noise, train, sample, refine, measure; ends with a page to look at."""
    stand_in(context, use)
    from cdm_tutor.demo import run_demo
    from cdm_tutor.runs import Stopped

    try:
        page = run_demo(dataset.value, out, minutes, n, pick_device(device), seed)
    except Stopped as stopped:
        print("\nStopped; nothing was written.")
        raise typer.Exit(128 + stopped.args[0]) from None
    print(f"\nDone. Open {page.resolve()}")


@app.command()
def train(
    context: typer.Context,
    dataset: DatasetArgument = Dataset.mnist,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Train for so long (default: 10).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train for so many steps instead.")] = None,
    data: SourceOption = Source.sample,
    data_dir: DataDirOption = None,
    stage: Annotated[Stage, typer.Option(help="Which network to train.")] = Stage.unet,
    predict: Annotated[Predict, typer.Option(help="What the network learns to predict.")] = Predict.noise,
    schedule: Annotated[ScheduleName, typer.Option(help="How the noise grows.")] = ScheduleName.cosine,
    noising_steps: Annotated[int, typer.Option(min=2, help="T, the number of noising steps.")] = 1000,
    timesteps: Annotated[
        Timesteps, typer.Option(help="'uniform': all alike. 'focused': three in four near the middle; learns faster.")
    ] = Timesteps.uniform,
    batch: Annotated[int, typer.Option(min=2, help="Images in a training step, of all processes together.")] = 64,
    accumulate: Annotated[int, typer.Option(min=1, help="Take a step's images in so many parts: saves memory.")] = 1,
    lr: Annotated[float, typer.Option(help="The largest learning rate.")] = 3e-3,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder (default: runs/DATASET or runs/DATASET-refiner).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in that folder, with its settings.")
    ] = False,
    processes: ProcessesOption = 1,
    max_restarts: Annotated[
        int, typer.Option(min=0, help="When a process dies, go on from the last checkpoint; so often at most.")
    ] = 0,
    save_every: Annotated[float, typer.Option(min=0, help="Seconds between checkpoints.")] = SAVE_EVERY,
    compiled: Annotated[bool, typer.Option("--compile", help="Use torch.compile; pays on GPUs.")] = False,
    use: UseOption = Whose.reference,
    device: DeviceOption = DeviceName.auto,
    seed: SeedOption = 0,
) -> None:
    """Train a network. Ctrl-C saves; the same command with --resume goes on."""
    share_work(processes, max_restarts)
    stand_in(context, use)
    import torch

    from cdm_tutor.checkpoint import ModelCard
    from cdm_tutor.runs import Run
    from cdm_tutor.settings import TrainSettings

    folder = out or Path("runs") / (dataset.value if stage == Stage.unet else f"{dataset.value}-refiner")
    where = pick_device(device)
    going_on = resume or Run.was_cut_off(folder)
    if not going_on:  # what is wrong with them shows before images are loaded
        settings = TrainSettings(
            steps=steps,
            minutes=minutes if minutes or steps else 10,
            batch=batch,
            accumulate=accumulate,
            lr=lr,
            seed=seed,
            prediction=predict.value,
            timesteps=timesteps.value,
            t_below=noising_steps // 2 if stage == Stage.refiner else None,
            bf16=where.startswith("cuda") and torch.cuda.is_bf16_supported(),
            compile=compiled,
        )
        card = ModelCard(dataset.value, predict.value, schedule.value, noising_steps, stage.value)
    images = load_images(dataset, data, data_dir)
    if going_on:
        run = Run.resume(folder, len(images), where, save_every, steps=steps, minutes=minutes)
        print(f"Going on with {folder} from step {run.training.step}, with the settings it was started with.")
    else:
        run = Run.create(folder, card, settings, len(images), where, save_every)
    matter = ["data", "data_dir", "processes", "max_restarts", "save_every", "use", "device"]
    matter += ["steps", "minutes"] if resume else []  # those of the start are remembered
    again = ["cdm-tutor", "train", dataset.value, "--resume", "--out", folder, *given(context, *matter)]
    print(f"Training on {len(images)} images on {where}, writing to {folder}. Ctrl-C saves and stops.")
    follow(run, images, typed(*again))


def follow(run: "Run", images: "Images", again: str) -> None:
    """Train with a progress bar, and say how it ended."""
    from cdm_tutor.progress import training_bar
    from cdm_tutor.runs import Stopped
    from cdm_tutor.trainer import Diverged

    try:
        with training_bar(run.training.settings.batch) as show:
            for step in run.steps(images.x0):
                show(step)
    except Stopped as stopped:
        print(f"\nStopped at step {run.training.step}; saved. To go on:\n  {again}")
        raise typer.Exit(128 + stopped.args[0]) from None
    except Diverged as error:
        raise ValueError(f"{error}. The last good checkpoint is in {run.folder}") from error
    weights = run.folder / "model.safetensors"
    print(f"Done: {run.training.step} steps. Weights: {weights}")
    if run.card.stage == "unet":
        more = typed("cdm-tutor", "sample", "--weights", weights)
        print(f"Samples: {run.folder / 'preview.png'}. More: {more}")
    else:
        print(f"Use it: {typed('cdm-tutor', 'sample', run.card.data, '--refiner', weights)}")


@app.command()
def sharpen(
    context: typer.Context,
    dataset: DatasetArgument = Dataset.mnist,
    refiner: Annotated[
        Path | None, typer.Option(help="The refiner to start from (default: runs/DATASET-refiner/model.safetensors).")
    ] = None,
    weights: WeightsOption = None,
    minutes: Annotated[float, typer.Option(min=0.01, callback=finite, help="How long to train.")] = 20.0,
    samples: Annotated[
        int, typer.Option(min=64, max=100_000, help="How many samples of the first network to learn from.")
    ] = 10_000,
    refine_from: RefineFromOption = 200,
    data: SourceOption = Source.sample,
    data_dir: DataDirOption = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write to (default: runs/DATASET-sharp).")] = None,
    device: DeviceOption = DeviceName.auto,
    seed: SeedOption = 0,
) -> None:
    """Train a refiner further, against a critic that tells its images from real ones. Ctrl-C saves."""
    from dataclasses import replace

    import torch

    from cdm_tutor import runs
    from cdm_tutor.checkpoint import load_weights, shipped_weights
    from cdm_tutor.critic import Sharpening, SharpenSettings, samples_to_learn_from
    from cdm_tutor.generate import check_settings, generate
    from cdm_tutor.lock import lock
    from cdm_tutor.progress import sampling_bar, training_bar

    folder = out or Path("runs") / f"{dataset.value}-sharp"
    start = refiner or Path("runs") / f"{dataset.value}-refiner" / "model.safetensors"
    made = folder / "model.safetensors"
    if made.exists():
        raise ValueError(f"{folder} holds weights already: --out names another folder")
    where = pick_device(device)
    network, card = load_weights(start)
    eyes, its_card = load_weights(weights or shipped_weights(dataset.value))
    if (card.data, card.schedule, card.T) != (its_card.data, its_card.schedule, its_card.T):
        raise ValueError(f"{start} was trained on other data, or with another schedule, than the first network")
    if card.stage != "refiner":
        raise ValueError(f"{start} is a first network: expected a refiner to train further")
    ways = [replace(way, t_start=refine_from) for way in samples_to_learn_from(samples, seed)]
    for way in ways:
        check_settings(way, its_card, card)
    images = load_images(dataset, data, data_dir).x0.to(where)
    writable(made)
    with lock(folder):
        print(f"Drawing {samples} samples of the first network to learn from ...")
        with sampling_bar(samples) as advance:
            drawn = [generate(eyes.to(where), its_card, way, device=where, on_batch=advance) for way in ways]
        settings = SharpenSettings(minutes=minutes, samples=samples, t_start=refine_from, seed=seed)
        schedule = card.make_schedule().to(where)
        sharpening = Sharpening(network.to(where), eyes.to(where), schedule, card.prediction, settings)
        print(f"Sharpening {start} on {len(images)} images on {where}, writing to {folder}. Ctrl-C saves and stops.")
        try:
            with training_bar(settings.batch) as show:
                for done in runs.sharpen(folder, sharpening, card, images, torch.cat(drawn).to(where)):
                    show(done)
        except runs.Stopped as stopped:
            matter = ["weights", "minutes", "samples", "refine_from", "data", "data_dir", "device", "seed"]
            again = typed(
                "cdm-tutor", "sharpen", dataset, "--refiner", made, "--out", "ELSEWHERE", *given(context, *matter)
            )
            print(f"\nStopped; saved. To go on from there:\n  {again}")
            raise typer.Exit(128 + stopped.args[0]) from None
    use_it = typed(
        "cdm-tutor", "sample", card.data, "--refiner", made, *given(context, "weights", "refine_from", "device")
    )
    print(f"Done. Use it: {use_it}")


@app.command()
def sample(
    context: typer.Context,
    dataset: DatasetArgument = Dataset.mnist,
    n: Annotated[int, typer.Option("-n", min=1, max=100_000, help="How many images.")] = 64,
    weights: WeightsOption = None,
    solver: SolverOption = SolverName.dpm,
    steps: StepsOption = 20,
    eta: EtaOption = None,
    refine: RefineOption = False,
    refiner: RefinerOption = None,
    refine_from: RefineFromOption = 200,
    out: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("out/samples.png"),
    processes: ProcessesOption = 1,
    use: UseOption = Whose.reference,
    device: DeviceOption = DeviceName.auto,
    seed: SeedOption = 0,
) -> None:
    """Draw images out of noise, with the weights that come with the package or your own."""
    share_work(processes)
    stand_in(context, use)
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.plots import save_grid

    if out.suffix.lower() != ".png":
        raise ValueError(f"expected a picture to write whose name ends in .png, got {out}")
    settings = SampleSettings(n=n, solver=solver.value, steps=steps, eta=eta, seed=seed, t_start=refine_from)
    images, _ = draw(dataset, weights, refine, refiner, settings, device, out)
    from_first(lambda: save_grid(out, images))
    print(f"Wrote {n} images to {out}")


@app.command("export-web")
def export_web(
    weights: Annotated[
        str,
        typer.Argument(
            metavar="WEIGHTS", help="Your model.safetensors; or mnist or fashion, for what comes with the package."
        ),
    ] = Dataset.mnist.value,
    refine: RefineOption = False,
    refiner: RefinerOption = None,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("out/web"),
) -> None:
    """Write a web page on which a network draws, in the browser of whoever opens it."""
    from cdm_tutor.checkpoint import load_weights, shipped_weights
    from cdm_tutor.export import export_web

    network, card = load_weights(shipped_weights(weights) if weights in list(Dataset) else Path(weights))
    second = load_weights(refiner or shipped_weights(card.data, "refiner")) if refine or refiner else None
    page = export_web(out, network, card, second)
    print(f"Done. Open {page.resolve()}")


@app.command()
def evaluate(
    dataset: DatasetArgument = Dataset.mnist,
    n: Annotated[
        int, typer.Option("-n", min=2, max=10000, help="How many samples; FIDs of different n do not compare.")
    ] = 1000,
    weights: WeightsOption = None,
    solver: SolverOption = SolverName.dpm,
    steps: StepsOption = 20,
    eta: EtaOption = None,
    refine: RefineOption = False,
    refiner: RefinerOption = None,
    refine_from: RefineFromOption = 200,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
    processes: ProcessesOption = 1,
    device: DeviceOption = DeviceName.auto,
    seed: SeedOption = 0,
) -> None:
    """Measure samples: FID and KID, class balance, confidence, distance to the training images."""
    share_work(processes)
    import json
    from dataclasses import asdict

    from cdm_tutor.data import CLASS_NAMES, load_sample
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.metrics import Yardstick
    from cdm_tutor.writing import whole

    settings = SampleSettings(n=n, solver=solver.value, steps=steps, eta=eta, seed=seed, t_start=refine_from)
    samples, data = draw(dataset, weights, refine, refiner, settings, device, json_file)
    report = Yardstick(data, load_sample(data).x0).report(samples)
    print(f"FID         {report.fid:8.3f}   (n = {n}; {n} real images: {report.fid_floor:.3f})")
    print(f"KID x 1000  {report.kid:8.3f}   (0 is best)")
    print(f"confidence  {report.confidence:8.3f}   (mean probability of the class the classifier picks)")
    print(
        f"nearest     {report.nearest:8.3f}   (to the nearest training image; real images: {report.nearest_floor:.3f})"
    )
    print("classes     " + ", ".join(f"{c} {h:.1%}" for c, h in zip(CLASS_NAMES[data], report.histogram, strict=True)))

    def write(path: Path) -> None:
        with whole(path) as part:
            part.write_text(json.dumps({"settings": asdict(settings), **asdict(report)}, indent=2) + "\n")

    if json_file:
        from_first(lambda: write(json_file))


@app.command()
def diagnose(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="WHAT", show_default=False, help="A PNG, a folder of PNGs, a model.safetensors or a run's folder."
        ),
    ],
    data: Annotated[
        Dataset | None, typer.Option(help="What the images should show (default: what the weights say, or mnist).")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many images to draw, from weights.")] = 64,
    seed: SeedOption = 0,
) -> None:
    """What is wrong with these samples? The symptom, and the known mistakes that look most like it."""
    from cdm_tutor.course import verdict
    from cdm_tutor.course.looks import Measurer

    x0, card = verdict.images_of(path, n, seed)
    name = data.value if data else card.data if card else Dataset.mnist.value
    log = path / "log.jsonl"
    losses = verdict.read_losses(log) if log.is_file() else []
    soon = verdict.too_soon(losses, card)
    print(verdict.report(verdict.judge(x0, Measurer(name)), len(x0), instead=soon))
    if log.is_file() and not soon:
        print(verdict.report_losses(losses))


@app.command()
def doctor() -> None:
    """Say what this machine has, what is missing, and how to get it."""
    from cdm_tutor.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{'ok ' if finding.ok else '-- '} {finding.what:14} {finding.found}")
        if finding.cure:
            print(f"{'':18} {finding.cure}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command(rich_help_panel=COURSE)
def status() -> None:
    """Show how far you are in the course, and what to do next."""
    from cdm_tutor.course import commands

    print(commands.status(here()))


@app.command(rich_help_panel=COURSE)
def check(lesson: LessonArgument) -> None:
    """Check what you wrote in a lesson: the same as pytest lessons/03."""
    from cdm_tutor.course import commands

    raise typer.Exit(commands.check(here(), the_lesson(lesson)))


@app.command(rich_help_panel=COURSE)
def watch(lesson: LessonArgument) -> None:
    """Check a lesson each time you save a file. Ctrl-C ends it."""
    from cdm_tutor.course import commands

    commands.watch(here(), the_lesson(lesson))


@app.command(rich_help_panel=COURSE)
def hint(
    lesson: LessonArgument,
    exercise: Annotated[
        str | None,
        typer.Argument(metavar="EXERCISE", help="Which function, by its name; default: the first not yet passed."),
    ] = None,
    more: Annotated[bool, typer.Option("--more", help="Also the next one.")] = False,
) -> None:
    """Help with an exercise, in three steps: a question, a push, and nearly there."""
    from cdm_tutor.course import commands

    print(commands.hint(here(), the_lesson(lesson), exercise, more))


@app.command(rich_help_panel=COURSE)
def solution(lesson: LessonArgument, exercise: ExerciseArgument, yes: YesOption = False) -> None:
    """Show how the reference solves an exercise, and how yours differs."""
    from cdm_tutor.course import commands

    root, its_lesson = here(), the_lesson(lesson)
    its_exercise = commands.find_exercise(its_lesson, exercise)
    sure(f"Show the solution of {its_exercise.name}?", yes)
    print(commands.solution(root, its_lesson, its_exercise))


@app.command(rich_help_panel=COURSE)
def reset(lesson: LessonArgument, yes: YesOption = False) -> None:
    """Begin a lesson anew. Your file is kept under another name."""
    from cdm_tutor.course import commands

    root, its_lesson = here(), the_lesson(lesson)
    sure(f"Put {commands.file_of(its_lesson)} back to its start (keeping a copy of yours)?", yes)
    print(commands.reset(root, its_lesson))


@app.command(rich_help_panel=COURSE)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made if need be.", show_default=False)],
) -> None:
    """Make a folder with the lessons, for those who have no clone of the repository."""
    from cdm_tutor.course import commands

    print(commands.init(folder))


def here() -> Path:
    """The folder of the course we are in."""
    from cdm_tutor.course.commands import course_folder

    return course_folder(Path.cwd())


def the_lesson(name: str) -> "Lesson":
    """The lesson of that number."""
    from cdm_tutor.course.outline import find_lesson

    return find_lesson(name)


def sure(question: str, yes: bool) -> None:
    """Ask, unless told not to; end if the answer is no."""
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


def stand_in(context: typer.Context, use: Whose) -> None:
    """With --use mine, run the rest of the command on the learner's finished lessons. Say which these are.

    Comes before anything is imported that leans on them.
    """
    if use == Whose.mine:
        from cdm_tutor.course.commands import my_lessons

        print(context.with_resource(my_lessons(here())))


def share_work(processes: int, max_restarts: int = 0) -> None:
    """Hand this very command to several processes and end when they have; in one of them, do nothing."""
    if LAUNCHED in os.environ or (processes == 1 and not max_restarts):
        return
    from cdm_tutor.distributed import launch

    raise typer.Exit(launch(processes, max_restarts, ["-m", "cdm_tutor", *sys.argv[1:]]))


def given(context: typer.Context, *names: str) -> list[object]:
    """Those of the options that the command line gave, to be typed again."""
    options = {option.name: option.opts[0] for option in context.command.params if option.name in names}
    sources = {name: context.get_parameter_source(name) for name in options}
    typed_here = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    return [word for name in typed_here for word in (options[name], context.params[name])]


def draw(
    dataset: Dataset,
    weights: Path | None,
    refine: bool,
    refiner: Path | None,
    settings: "SampleSettings",
    device: DeviceName,
    out: Path | None,
) -> tuple["Tensor", str]:
    """Sample with a progress bar, for a file to write; returns the images and the data set they are of."""
    from cdm_tutor.checkpoint import load_weights, shipped_weights
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import check_settings, generate
    from cdm_tutor.progress import sampling_bar

    where = pick_device(device)
    model, card = load_weights(weights or shipped_weights(dataset.value))
    second = None
    if refine or refiner:
        network, its_card = load_weights(refiner or shipped_weights(card.data, "refiner"))
        second = (network.to(where), its_card)
    check_settings(settings, card, second and second[1])
    if out:
        from_first(lambda: writable(out))
    with sampling_bar(settings.n) as advance:
        samples = generate(model.to(where), card, settings, refiner=second, device=where, on_batch=advance)
    return samples, card.data


def load_images(dataset: Dataset, source: Source, data_dir: Path | None) -> "Images":
    """The training images that --data and --data-dir name."""
    from cdm_tutor.data import load_full, load_sample

    if data_dir:
        return load_full(dataset.value, data_dir)
    if source == Source.full:
        return load_full(dataset.value, "data", download=True)
    return load_sample(dataset.value)


def pick_device(device: DeviceName) -> str:
    """The device to compute on: the one named if it is there, for auto the fastest there is.

    Raises:
        ValueError: if the one named is not there.
    """
    import torch

    from cdm_tutor.distributed import local_device

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == DeviceName.auto:
        return local_device(next(name for name, found in there.items() if found))
    if not there[device.value]:
        raise ValueError(f"no {device.value} device on this machine: cdm-tutor doctor says what there is")
    return local_device(device.value)


def writable(path: Path) -> None:
    """Make the folder of a file to write, and try the file, before the work that would be lost if it failed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    with path.open("ab"):
        pass
    if not there:
        path.unlink()


# what all of typer's errors are, ClickException; typer exports no name for it
CommandError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])


def main() -> None:
    """Run the command line; bad input ends with one line and exit code 2, Ctrl-C with 130."""
    warnings.showwarning = lambda message, *_: print(f"cdm-tutor: {message}", file=sys.stderr)
    if LAUNCHED in os.environ:
        sys.exit(one_of_many())
    try:
        code = app(standalone_mode=False)
    except CommandError as error:
        code = fail(error.format_message())
    except (ValueError, OSError) as error:
        code = fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    sys.exit(code)


def one_of_many() -> int:
    """Run the command line as one of several processes: only the first speaks, and errors go to the launcher."""
    from cdm_tutor import distributed

    try:
        with distributed.together():
            if distributed.rank() > 0:
                sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
            return app(standalone_mode=False) or 0
    except (CommandError, ValueError, OSError) as error:
        distributed.report(error)
        return 2
    except Exception as error:
        distributed.report(error)
        return 1


def fail(message: str) -> int:
    """Print an error as one line; returns the exit code for bad input. Without a message the help was shown."""
    if message:
        print("cdm-tutor: " + " ".join(message.split()), file=sys.stderr)
    return 2
