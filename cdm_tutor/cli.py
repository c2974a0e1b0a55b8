"""The command line: parse, call, print. Whatever needs torch is imported when a command runs."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import typer

from cdm_tutor import choices, options
from cdm_tutor.course import cli as course
from cdm_tutor.shell import typed
from cdm_tutor.wording import counted

if TYPE_CHECKING:
    from cdm_tutor.card import ModelCard
    from cdm_tutor.checkpoint import Trained
    from cdm_tutor.critic import AdversarialTraining
    from cdm_tutor.data import Images
    from cdm_tutor.generate import Picture, SampleSettings
    from cdm_tutor.metrics import Yardstick
    from cdm_tutor.own_yardstick import OwnYardstick
    from cdm_tutor.runs import Run

GUIDANCE = 2.0  # how much a class counts that is asked for, unless said otherwise
LAUNCHED = "TORCHELASTIC_RUN_ID"  # set in each of several processes that a launcher started
REMEMBERED = {  # by a run: what it was started with counts, whatever is typed to go on
    "stage", "classes", "start", "predict", "schedule", "noising_steps", "timesteps", "batch", "accumulate", "lr",
    "compiled", "seed", "size", "grey", "colour", "fit", "widths", "blocks", "fold",
}  # fmt: skip

app = typer.Typer(
    help="Build a diffusion model from an empty file. New here? Run: cdm-tutor demo",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def demo(
    context: typer.Context,
    dataset: options.Dataset = "mnist",
    out: options.DemoFolder = Path("out/demo"),
    minutes: options.Minutes = 2.0,
    n: options.Measured = 500,
    use: options.Use = "reference",
    device: options.Device = "auto",
    seed: options.Seed = 0,
) -> None:
    """The whole story in five minutes: noise, train, sample, refine, measure; ends with a page to look at."""
    course.stand_in(context, use)
    from cdm_tutor.demo import Asked, run_demo
    from cdm_tutor.device import pick_device
    from cdm_tutor.runs import Stopped

    asked = Asked(dataset, minutes, n, pick_device(device), seed, *course.told_of(use))
    try:
        page = run_demo(asked, out)
    except Stopped as stopped:
        print("\nStopped; nothing was written.")
        raise typer.Exit(128 + stopped.args[0]) from None
    print(f"\nDone. Open {page.resolve()}")


@app.command()
def train(
    context: typer.Context,
    dataset: options.Place = "mnist",
    size: options.Size = None,
    grey: options.Grey = False,
    colour: options.Colour = False,
    fit: options.Squares = "cut",
    widths: options.Widths = None,
    blocks: options.Blocks = None,
    fold: options.Fold = None,
    minutes: options.TrainMinutes = None,
    steps: options.TrainSteps = None,
    data: options.Data = "sample",
    data_dir: options.DataDir = None,
    stage: options.Stage = "unet",
    classes: options.Classes = False,
    start: options.StartWith = None,
    predict: options.Predict = "noise",
    schedule: options.Schedule = "cosine",
    noising_steps: options.NoisingSteps = 1000,
    timesteps: options.Timesteps = "uniform",
    batch: options.Batch = 64,
    accumulate: options.Accumulate = 1,
    lr: options.LearningRate = 3e-3,
    out: options.RunFolder = None,
    resume: options.Resume = False,
    processes: options.Processes = 1,
    max_restarts: options.MaxRestarts = 0,
    save_every: options.SaveEvery = 60.0,
    compiled: options.Compile = False,
    use: options.Use = "reference",
    device: options.Device = "auto",
    seed: options.Seed = 0,
) -> None:
    """Train a network, or tune one. Ctrl-C saves; the same command with --resume goes on."""
    share_work(processes, max_restarts)
    course.stand_in(context, use)
    from cdm_tutor.card import ModelCard
    from cdm_tutor.device import knows_bf16, pick_device
    from cdm_tutor.own_images import card_of, name_of, warning_of_copies
    from cdm_tutor.runs import Run
    from cdm_tutor.settings import TrainSettings

    where, folder = pick_device(device), out or usual_run(name_of(dataset), stage, classes)
    going_on = resume or Run.was_cut_off(folder)
    if not going_on:  # what is wrong with them shows before images are loaded
        until = minutes if minutes or steps else 10
        predict, lr = to_train(context, stage)
        settings = TrainSettings(steps, until, batch, accumulate, lr, seed=seed, timesteps=timesteps, compile=compiled)
        settings = replace(settings, t_below=noising_steps // 2 if stage == "refiner" else None, bf16=knows_bf16(where))
        asked = ModelCard(name_of(dataset), predict, schedule, noising_steps, stage)
    images = training_images(context, dataset, data, data_dir, Run.card_of(folder) if going_on else None)
    if going_on:
        run = Run.resume(folder, len(images), where, save_every, steps=steps, minutes=minutes)
        print(f"Going on with {folder} from step {run.training.step}, with the settings it was started with.")
    else:
        begin, card = beginning(start, card_of(images, dataset, asked, fit, classes, widths, blocks, fold), context)
        run = Run.create(folder, card, settings, len(images), where, save_every, start=begin)
        print(warning_of_copies(len(images), settings), end="")
    carry_out(run, images, dataset, to_go_on(context, dataset, folder, resume))


def to_train(context: typer.Context, stage: choices.Stage) -> tuple[choices.Prediction, float]:
    """What a network predicts and its learning rate: as typed, or as a consistency network needs them."""
    from cdm_tutor.settings import TUNING_RATE

    predict, lr = context.params["predict"], context.params["lr"]
    if stage == "consistency":
        predict = predict if options.given(context, ["predict"]) else "v"
        lr = lr if options.given(context, ["lr"]) else TUNING_RATE
    return predict, lr


def carry_out(run: "Run", images: "Images", dataset: str, again: str) -> None:
    """Train to the end of a run; say what to do with what it made, or how to go on."""
    print(
        f"Training on {counted(len(images), 'image')} on {run.device}, writing to {run.folder}. Ctrl-C saves and stops."
    )
    follow(run.steps(images.x0, images.labels), run.training.settings.batch, run.folder, again)
    print(f"Done: {counted(run.training.step, 'step')}. {what_to_do_with(run.folder, run.card, dataset)}")


def training_images(
    context: typer.Context, place: str, data: choices.Source, data_dir: Path | None, card: "ModelCard | None" = None
) -> "Images":
    """What to train on: a data set of ours, or your own images, as they are typed or as a card says that they were.

    Raises:
        ValueError, OSError: as load_images and read_own; or if what is typed is for your own images, and these are not.
    """
    from cdm_tutor.data import CLASS_NAMES, load_images
    from cdm_tutor.own_images import Wanted, read_own
    from cdm_tutor.progress import counting_bar

    typed_too = options.given(context, ["size", "grey", "colour", "fit"])
    if place in CLASS_NAMES:
        if typed_too:
            raise ValueError(f"{typed_too[0]} is for your own images: those of {place} are grey, 28 x 28")
        return load_images(place, data, data_dir)
    asked = context.params
    colour = True if asked.get("colour") else False if asked.get("grey") else None
    wanted = Wanted(asked.get("size"), colour, asked.get("fit", "cut"))
    if card and not typed_too:
        wanted = Wanted(card.built.side, card.built.channels == 3, card.squares)
    said: list[str] = []
    with counting_bar("reading") as advance:
        images = read_own(place, wanted, data_dir, data == "full", said.append, advance)
    print("\n".join(said))
    return images


def images_like(
    context: typer.Context, card: "ModelCard", place: str, data: choices.Source, data_dir: Path | None
) -> "Images":
    """What a network was trained on; your own images from where they were, unless a place is typed."""
    from cdm_tutor.data import CLASS_NAMES

    moved = card.own and place not in CLASS_NAMES
    return training_images(context, place if moved else card.source if card.own else card.data, data, data_dir, card)


def beginning(start: str | None, card: "ModelCard", context: typer.Context) -> tuple["Trained | None", "ModelCard"]:
    """The weights that a training begins with, if any, and its card.

    It takes over what they predict, of what, and how their network is built, unless that was typed.

    Raises:
        ValueError: if something else was typed.
    """
    from cdm_tutor.checkpoint import load_weights

    fresh = start is None and not card.classes and card.stage != "consistency"
    if start == "none" or fresh or (start is None and card.own and card.stage == "unet"):
        return None, card
    begin = load_weights(Path(start) if start else weights_of(card.data))
    # fields of the card, and the parameters of ours that say them
    taken = {"prediction": "predict", "schedule": "schedule", "T": "noising_steps"}
    typed_too = [option for option in taken.values() if options.given(context, [option])]
    for name, option in taken.items():
        ours, theirs = getattr(card, name), getattr(begin.card, name)
        if option in typed_too and ours != theirs:
            raise ValueError(f"the weights to begin with were trained with {name} {theirs}, not {ours}: see --start")
    if card.stage == "consistency" and begin.card.prediction != "v":
        raise ValueError("the weights to begin with predict noise, a consistency network v: train with --predict v")
    card = replace(card, **{name: getattr(begin.card, name) for name in (*taken, "shift")})
    of_a_kind = (card.built.shape, card.stage == "refiner") == (begin.card.built.shape, begin.card.stage == "refiner")
    if of_a_kind and not options.given(context, ["widths", "blocks", "fold"]):
        card = replace(card, build=begin.card.build)
    return begin, card


def yardstick_for(context: typer.Context, card: "ModelCard", weights: Path | None) -> "Yardstick | OwnYardstick":
    """What measures samples of such a network: for your own images it is trained first, and kept beside the weights."""
    from cdm_tutor.data import load_sample
    from cdm_tutor.metrics import Yardstick

    if not card.own:
        return Yardstick(card.data, load_sample(card.data).x0)
    from cdm_tutor.own_yardstick import OwnYardstick, load_or_train
    from cdm_tutor.progress import counting_bar

    place = context.params["dataset"]
    images = images_like(context, card, place, "sample", None)
    with counting_bar("learning what they look like") as advance:
        beside = weights or weights_of(place, card.stage, card.classes)
        network = load_or_train(images, beside.parent, on_step=advance)
    return OwnYardstick(images, network)


def weights_of(place: str, stage: choices.Stage = "unet", classes: bool = False) -> Path:
    """The weights for a data set: those that come with the package, or, for your own images, those of your run.

    If your images have only a network that was told classes, that one; it draws untold, too.
    """
    from cdm_tutor.checkpoint import shipped_weights
    from cdm_tutor.data import CLASS_NAMES
    from cdm_tutor.own_images import name_of

    if place in CLASS_NAMES:
        return shipped_weights(place, stage, classes)
    name = name_of(place)
    made, told = (usual_run(name, stage, each) / "model.safetensors" for each in (classes, True))
    found = made if made.is_file() else told
    if not found.is_file():
        raise ValueError(f"no weights for {name} in {made}: train a network first, or name yours (see --help)")
    return found


def usual_run(name: str, stage: choices.Stage, classes: bool) -> Path:
    """Where a training writes to, unless it is said."""
    return Path("runs") / f"{name}{f'-{stage}' if stage != 'unet' else '-classes' if classes else ''}"


def to_go_on(context: typer.Context, dataset: str, folder: Path, resume: bool) -> str:
    """How to go on with a run: what was typed, without what the run remembers."""
    said = {"out", "resume"} | REMEMBERED | (set() if resume else {"steps", "minutes"})
    again = typed("cdm-tutor", "train", dataset, "--resume", "--out", folder, *options.given(context, but=said))
    return f"To go on:\n  {again}"


def what_to_do_with(folder: Path, card: "ModelCard", dataset: str) -> str:
    """Where the weights of a finished run are, and what to type to see what they draw."""
    weights = folder / "model.safetensors"
    if card.stage == "refiner":
        return f"Weights: {weights}\nUse it: {typed('cdm-tutor', 'sample', dataset, '--refiner', weights)}"
    told = ("--label", "all") if card.classes else ()
    more = typed("cdm-tutor", "sample", "--weights", weights, *told)
    return f"Weights: {weights}\nSamples: {folder / 'preview.png'}. More: {more}"


@app.command()
def sharpen(
    context: typer.Context,
    dataset: options.Place = "mnist",
    refiner: options.Start = None,
    weights: options.Weights = None,
    minutes: options.Minutes = 20.0,
    samples: options.Samples = 10_000,
    refine_from: options.RefineFrom = 200,
    data: options.Data = "sample",
    data_dir: options.DataDir = None,
    out: options.SharpFolder = None,
    device: options.Device = "auto",
    seed: options.Seed = 0,
) -> None:
    """Train a refiner further, against a critic that tells its images from real ones. Ctrl-C saves."""
    from cdm_tutor.critic import Sharpening, SharpenSettings
    from cdm_tutor.device import pick_device
    from cdm_tutor.own_images import name_of

    name = name_of(dataset)
    start = refiner or usual_run(name, "refiner", False) / "model.safetensors"
    settings = SharpenSettings(minutes=minutes, samples=samples, t_start=refine_from, seed=seed)

    def begin() -> Sharpening:
        return Sharpening.load(start, weights or weights_of(dataset), settings, pick_device(device))

    made = against_critic(context, begin, "refiner", samples, out or Path("runs") / f"{name}-sharp", data, data_dir)
    use_it = ["--refiner", made, *options.given(context, {"weights", "refine_from", "device"})]
    print(f"Done. Use it: {typed('cdm-tutor', 'sample', dataset, *use_it)}")


@app.command()
def distill(
    context: typer.Context,
    dataset: options.Place = "mnist",
    start: options.Distilled = None,
    weights: options.Weights = None,
    minutes: options.Minutes = 20.0,
    paths: options.Paths = 12_000,
    data: options.Data = "sample",
    data_dir: options.DataDir = None,
    out: options.DistilledFolder = None,
    device: options.Device = "auto",
    seed: options.Seed = 0,
) -> None:
    """Teach a network to draw in one jump what takes another one twenty steps, against a critic. Ctrl-C saves."""
    from cdm_tutor.device import pick_device
    from cdm_tutor.distill import Distilling, DistillSettings
    from cdm_tutor.own_images import name_of

    first = weights or weights_of(dataset)
    settings = DistillSettings(minutes=minutes, paths=paths, seed=seed)

    def begin() -> Distilling:
        return Distilling.load(start or first, first, settings, pick_device(device))

    folder = out or Path("runs") / f"{name_of(dataset)}-distilled"
    made = against_critic(context, begin, "start", paths, folder, data, data_dir)
    use_it = ["--weights", made, *options.given(context, {"device"})]
    print(f"Done. Use it: {typed('cdm-tutor', 'sample', dataset, *use_it)}")


def against_critic(
    context: typer.Context,
    begin: "Callable[[], AdversarialTraining]",
    begun_with: str,
    samples: int,
    folder: Path,
    data: choices.Source,
    data_dir: Path | None,
) -> Path:
    """Train against a critic, with progress bars; returns the weights that it made.

    Args:
        context: what was typed.
        begin: loads the network and its critic.
        begun_with: the option that names the weights to begin with.
        samples: how many the first network is to draw.
        folder: where to write.
        data: which images are real.
        data_dir: where they are.

    Raises:
        ValueError: if the folder holds weights already; and as begin.
    """
    from cdm_tutor import runs
    from cdm_tutor.lock import lock
    from cdm_tutor.progress import sampling_bar
    from cdm_tutor.writing import try_out

    made = folder / "model.safetensors"
    if made.exists():
        raise ValueError(f"{folder} holds weights already: --out names another folder")
    training = begin()
    images = images_like(context, training.start.card, context.params["dataset"], data, data_dir)
    try_out(made)
    with lock(folder):
        print(f"Drawing {counted(samples, 'sample')} of the first network to learn from ...")
        with sampling_bar(samples) as advance:
            drawn = training.draw_samples(advance)
        where = training.start.device
        print(f"Training on {counted(len(images), 'image')} on {where}, writing to {folder}. Ctrl-C saves and stops.")
        again = [f"--{begun_with}", made, "--out", "ELSEWHERE", *options.given(context, but={begun_with, "out"})]
        command = typed("cdm-tutor", context.info_name, context.params["dataset"], *again)
        steps = runs.against_critic(folder, training, images.x0, drawn)
        follow(steps, training.settings.batch, folder, f"To go on from there:\n  {command}")
    return made


@app.command()
def sample(
    context: typer.Context,
    dataset: options.Place = "mnist",
    n: options.Images = 64,
    label: options.Labels = None,
    guidance: options.GuidanceScale = None,
    complete: options.Complete = None,
    keep: options.KeepHalf = None,
    sketch: options.Sketch = None,
    from_step: options.FromStep = None,
    weights: options.Weights = None,
    solver: options.Solver = "dpm",
    steps: options.SamplingSteps = 20,
    eta: options.Eta = None,
    refine: options.Refine = False,
    refiner: options.Refiner = None,
    refine_from: options.RefineFrom = 200,
    out: options.Picture = Path("out/samples.png"),
    show: options.Open = False,
    real: options.WithReal = False,
    processes: options.Processes = 1,
    use: options.Use = "reference",
    device: options.Device = "auto",
    seed: options.Seed = 0,
) -> None:
    """Draw images out of noise, with the weights that come with the package or your own."""
    share_work(processes)
    course.stand_in(context, use)
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.plots import above, save_grid

    if out.suffix.lower() != ".png":
        raise ValueError(f"expected a picture to write whose name ends in .png, got {out}")
    trained = first_network(dataset, weights, label, solver)
    picture = picture_to_begin_from(trained.card, complete, keep, sketch, from_step)
    labels, scale = asked_for(trained, label, guidance)
    solver, steps = way_to_draw(context, trained, solver, steps)
    columns = 8
    if len(labels) > 1:  # a row each
        columns = n if options.given(context, {"n"}) else 8
        n = columns * len(labels)
    settings = SampleSettings(n, solver, steps, eta, seed, refine_from, labels, scale)
    images = draw(trained, refine, refiner, settings, device, out, picture)
    if real:
        theirs = images_like(context, trained.card, dataset, "sample", None).x0
        images = above(images, theirs[:: max(1, len(theirs) // columns)][:columns], columns)
    from_first(lambda: save_grid(out, images, columns))
    print(f"Wrote {counted(n, 'image')} to {out}")
    if show and not opened(str(out)):
        print(f"Nothing here shows pictures: open {out.resolve()} yourself", file=sys.stderr)


@app.command(rich_help_panel=course.PANEL)
def site(place: options.Page = "index.html", only_print: options.OnlyPrint = False) -> None:
    """Open the course's pages, without a network; or one of them, at the place that a check has printed."""
    from cdm_tutor.hyperlinks import say
    from cdm_tutor.pages import open_at

    address, afar = open_at(place), bool({"SSH_CONNECTION", "SSH_TTY"} & os.environ.keys())
    if only_print:
        print(address)
    elif not afar and opened(address):
        say(f"Opened {address}", sys.stdout)
    else:
        say(f"There is no browser here: open {address} yourself", sys.stdout)


def opened(place: str) -> bool:
    """Whether this system has something that opens a file or an address, and has done so."""
    blind = sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    return not blind and typer.launch(place) == 0


@app.command("export-web")
def export_web(
    weights: options.Exported = "mnist",
    classes: options.ShippedClasses = False,
    refine: options.Refine = False,
    refiner: options.Refiner = None,
    out: options.WebFolder = Path("out/web"),
) -> None:
    """Write a web page on which a network draws, in the browser of whoever opens it."""
    from cdm_tutor.checkpoint import load_refiner, load_weights, shipped_weights
    from cdm_tutor.export import export_web

    ours = weights in get_args(choices.Dataset)
    trained = load_weights(shipped_weights(weights, classes=classes) if ours else Path(weights))
    if classes and not trained.card.classes:
        raise ValueError(f"{weights} was not told classes: train a network with cdm-tutor train --classes")
    page = export_web(out, trained, load_refiner(refiner, refine, trained.card.data))
    print(f"Done. Open {page.resolve()}")


@app.command()
def evaluate(
    context: typer.Context,
    dataset: options.Place = "mnist",
    n: options.Evaluated = 1000,
    label: options.Labels = None,
    guidance: options.GuidanceScale = None,
    weights: options.Weights = None,
    solver: options.Solver = "dpm",
    steps: options.SamplingSteps = 20,
    eta: options.Eta = None,
    refine: options.Refine = False,
    refiner: options.Refiner = None,
    refine_from: options.RefineFrom = 200,
    json_file: options.Figures = None,
    processes: options.Processes = 1,
    device: options.Device = "auto",
    seed: options.Seed = 0,
) -> None:
    """Measure samples: FID, KID, precision, recall, class balance, unsure ones, distance to training images."""
    share_work(processes)
    import json
    from dataclasses import asdict

    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.writing import whole

    trained = first_network(dataset, weights, label, solver)
    labels, scale = asked_for(trained, label, guidance)
    solver, steps = way_to_draw(context, trained, solver, steps)
    settings = SampleSettings(n, solver, steps, eta, seed, refine_from, labels, scale)
    samples = draw(trained, refine, refiner, settings, device, json_file)
    asked = settings.label_of(range(n)) if labels else None
    report = from_first(lambda: yardstick_for(context, trained.card, weights).report(samples, asked))
    print("\n".join(report.lines(trained.card.class_names)))

    def write(path: Path) -> None:
        with whole(path) as part:
            part.write_text(json.dumps({"settings": asdict(settings), **asdict(report)}, indent=2) + "\n")

    if json_file:
        from_first(lambda: write(json_file))


@app.command()
def diagnose(
    path: options.Diagnosed, data: options.Shows = None, n: options.Drawn = 64, seed: options.Seed = 0
) -> None:
    """What is wrong with these samples? The symptom, and the known mistakes that look most like it."""
    from cdm_tutor.course import verdict
    from cdm_tutor.hyperlinks import say

    say(verdict.diagnose(path, data, n, seed), sys.stdout)


@app.command()
def doctor() -> None:
    """Say what this machine has, what is missing, and how to get it."""
    from cdm_tutor.doctor import examine
    from cdm_tutor.hyperlinks import say

    findings = examine()
    for finding in findings:
        say(f"{'ok ' if finding.ok else '-- '} {finding.what:14} {finding.found}", sys.stdout)
        if finding.cure:
            print(f"{'':18} {finding.cure}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


app.add_typer(course.app)


def share_work(processes: int, max_restarts: int = 0) -> None:
    """Hand this very command to several processes and end when they have; in one of them, do nothing."""
    if LAUNCHED in os.environ or (processes == 1 and not max_restarts):
        return
    from cdm_tutor.distributed import launch

    raise typer.Exit(launch(processes, max_restarts, ["-m", "cdm_tutor", *sys.argv[1:]]))


def follow(steps: Iterator[Any], batch: int, folder: Path, to_go_on: str) -> None:
    """Train with a progress bar, and say how it ended if not well."""
    from cdm_tutor.progress import training_bar
    from cdm_tutor.runs import Stopped
    from cdm_tutor.trainer import Diverged

    try:
        with training_bar(batch) as show:
            for step in steps:
                show(step)
    except Stopped as stopped:
        print(f"\nStopped at step {step.step}; saved. {to_go_on}")
        raise typer.Exit(128 + stopped.args[0]) from None
    except Diverged as error:
        saved = f". The last good checkpoint is in {folder}" if (folder / "model.safetensors").exists() else ""
        raise ValueError(f"{error}{saved}") from error


def first_network(dataset: str, weights: Path | None, label: str | None, solver: choices.Solver) -> "Trained":
    """The network that draws: of a file, or the usual one that can be told a label, or draws by this solver."""
    from cdm_tutor.checkpoint import load_weights

    return load_weights(weights or weights_of(dataset, choices.drawn_by(solver), label is not None))


def way_to_draw(
    context: typer.Context, trained: "Trained", solver: choices.Solver, steps: int
) -> tuple[choices.Solver, int]:
    """The solver and how many steps: what was typed, or the network's usual way."""
    from cdm_tutor.generate import usual_way

    if trained.card.stage != "consistency" and steps == 1:
        print("In one step this network draws grey blobs, the mean of all that it knows. What draws in one step is a")
        print("consistency network: --solver jumps")
    found: dict[str, Any] = {"solver": solver, "steps": steps}
    found |= {name: value for name, value in usual_way(trained.card).items() if not options.given(context, {name})}
    return found["solver"], found["steps"]


def asked_for(trained: "Trained", label: str | None, guidance: float | None) -> tuple[tuple[int, ...], float]:
    """The labels that were typed, by number or name, and the guidance scale."""
    from cdm_tutor.data import find_classes

    if label is None:
        if guidance is not None:
            raise ValueError("--guidance says how much a class counts: name one with --label")
        return (), 1.0
    return find_classes(label, trained.card.data, trained.card.class_names), GUIDANCE if guidance is None else guidance


def picture_to_begin_from(
    card: "ModelCard", complete: Path | None, keep: choices.Keep | None, sketch: Path | None, from_step: int | None
) -> "Picture | None":
    """The picture to complete, or the sketch to start from, if one was named."""
    from cdm_tutor.generate import Picture
    from cdm_tutor.pictures import half, read_picture

    if complete and sketch:
        raise ValueError("expected --complete or --from, got both")
    if keep and not complete:
        raise ValueError("--keep says which half of a picture to keep: name it with --complete")
    if from_step is not None and not sketch:
        raise ValueError("--from-step says how far to noise a sketch: name it with --from")
    path = complete or sketch
    if not path:
        return None
    x0 = read_picture(path, card.built.shape, bright_on_black=not card.own)
    if complete:
        return Picture(x0, half(keep or "left", card.built.side))
    return Picture(x0, t_start=500 if from_step is None else from_step)


def draw(
    trained: "Trained",
    refine: bool,
    refiner: Path | None,
    settings: "SampleSettings",
    device: choices.Device,
    out: Path | None,
    picture: "Picture | None" = None,
) -> Any:
    """Sample with a progress bar, for a file to write; returns the images, (n, C, H, W)."""
    from cdm_tutor.checkpoint import load_refiner
    from cdm_tutor.device import pick_device
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import check_settings, generate
    from cdm_tutor.progress import sampling_bar
    from cdm_tutor.writing import try_out

    where = pick_device(device)
    trained = trained.to(where)
    second = load_refiner(refiner, refine, trained.card.data)
    second = second.to(where) if second else None
    check_settings(settings, trained, second, picture)
    if out:
        from_first(lambda: try_out(out))
    with sampling_bar(settings.n) as advance:
        return generate(trained, settings, refiner=second, picture=picture, on_batch=advance)


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
