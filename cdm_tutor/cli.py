"""The command line: parse, call, print. Whatever needs torch is imported when a command runs."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import typer

from cdm_tutor import choices, options
from cdm_tutor.course import cli as course
from cdm_tutor.shell import typed

if TYPE_CHECKING:
    from cdm_tutor.checkpoint import ModelCard, Trained
    from cdm_tutor.critic import AdversarialTraining
    from cdm_tutor.generate import Picture, SampleSettings

GUIDANCE = 2.0  # how much a class counts that is asked for, unless said otherwise
LAUNCHED = "TORCHELASTIC_RUN_ID"  # set in each of several processes that a launcher started
REMEMBERED = {  # by a run: what it was started with counts, whatever is typed to go on
    "stage", "classes", "start", "predict", "schedule", "noising_steps", "timesteps", "batch", "accumulate", "lr",
    "compiled", "seed",
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
    from cdm_tutor.demo import run_demo
    from cdm_tutor.device import pick_device
    from cdm_tutor.runs import Stopped

    try:
        page = run_demo(dataset, out, minutes, n, pick_device(device), seed)
    except Stopped as stopped:
        print("\nStopped; nothing was written.")
        raise typer.Exit(128 + stopped.args[0]) from None
    print(f"\nDone. Open {page.resolve()}")


@app.command()
def train(
    context: typer.Context,
    dataset: options.Dataset = "mnist",
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
    from dataclasses import replace

    from cdm_tutor.checkpoint import ModelCard
    from cdm_tutor.data import load_images
    from cdm_tutor.device import knows_bf16, pick_device
    from cdm_tutor.runs import Run
    from cdm_tutor.settings import TrainSettings

    kind = f"-{stage}" if stage != "unet" else "-classes" if classes else ""
    folder = out or Path("runs") / f"{dataset}{kind}"
    where = pick_device(device)
    going_on = resume or Run.was_cut_off(folder)
    if not going_on:  # what is wrong with them shows before images are loaded
        until = minutes if minutes or steps else 10
        settings = TrainSettings(steps, until, batch, accumulate, lr, seed=seed, timesteps=timesteps, compile=compiled)
        lowest = noising_steps // 2 if stage == "refiner" else None
        settings = replace(settings, t_below=lowest, bf16=knows_bf16(where))
        predict = "v" if stage == "consistency" and not options.given(context, {"predict"}) else predict
        asked = ModelCard(dataset, predict, schedule, noising_steps, stage, classes=classes)
        begin, card = beginning(start, asked, context)
    images = load_images(dataset, data, data_dir)
    if going_on:
        run = Run.resume(folder, len(images), where, save_every, steps=steps, minutes=minutes)
        print(f"Going on with {folder} from step {run.training.step}, with the settings it was started with.")
    else:
        run = Run.create(folder, card, settings, len(images), where, save_every, start=begin)
    print(f"Training on {len(images)} images on {where}, writing to {folder}. Ctrl-C saves and stops.")
    again = to_go_on(context, dataset, folder, resume)
    follow(run.steps(images.x0, images.labels), run.training.settings.batch, folder, again)
    print(f"Done: {run.training.step} steps. {what_to_do_with(folder, run.card)}")


def beginning(start: str | None, card: "ModelCard", context: typer.Context) -> tuple["Trained | None", "ModelCard"]:
    """The weights that a training begins with, if any, and its card, which takes over what they predict, and of what.

    Raises:
        ValueError: if something else was typed.
    """
    from dataclasses import replace

    from cdm_tutor.checkpoint import load_weights, shipped_weights

    if start == "none" or (start is None and not card.classes and card.stage != "consistency"):
        return None, card
    begin = load_weights(Path(start) if start else shipped_weights(card.data))
    # fields of the card, and the parameters of ours that say them
    taken = {"prediction": "predict", "schedule": "schedule", "T": "noising_steps"}
    typed_too = [option for option in taken.values() if options.given(context, [option])]
    for name, option in taken.items():
        ours, theirs = getattr(card, name), getattr(begin.card, name)
        if option in typed_too and ours != theirs:
            raise ValueError(f"the weights to begin with were trained with {name} {theirs}, not {ours}: see --start")
    return begin, replace(card, **{name: getattr(begin.card, name) for name in taken})


def to_go_on(context: typer.Context, dataset: str, folder: Path, resume: bool) -> str:
    """How to go on with a run: what was typed, without what the run remembers."""
    said = {"out", "resume"} | REMEMBERED | (set() if resume else {"steps", "minutes"})
    again = typed("cdm-tutor", "train", dataset, "--resume", "--out", folder, *options.given(context, but=said))
    return f"To go on:\n  {again}"


def what_to_do_with(folder: Path, card: "ModelCard") -> str:
    """Where the weights of a finished run are, and what to type to see what they draw."""
    weights = folder / "model.safetensors"
    if card.stage == "refiner":
        return f"Weights: {weights}\nUse it: {typed('cdm-tutor', 'sample', card.data, '--refiner', weights)}"
    told = ("--label", "all") if card.classes else ()
    more = typed("cdm-tutor", "sample", "--weights", weights, *told)
    return f"Weights: {weights}\nSamples: {folder / 'preview.png'}. More: {more}"


@app.command()
def sharpen(
    context: typer.Context,
    dataset: options.Dataset = "mnist",
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
    from cdm_tutor.checkpoint import shipped_weights
    from cdm_tutor.critic import Sharpening, SharpenSettings
    from cdm_tutor.device import pick_device

    start = refiner or Path("runs") / f"{dataset}-refiner" / "model.safetensors"
    settings = SharpenSettings(minutes=minutes, samples=samples, t_start=refine_from, seed=seed)

    def begin() -> Sharpening:
        return Sharpening.load(start, weights or shipped_weights(dataset), settings, pick_device(device))

    made = against_critic(context, begin, "refiner", samples, out or Path("runs") / f"{dataset}-sharp", data, data_dir)
    use_it = ["--refiner", made, *options.given(context, {"weights", "refine_from", "device"})]
    print(f"Done. Use it: {typed('cdm-tutor', 'sample', dataset, *use_it)}")


@app.command()
def distill(
    context: typer.Context,
    dataset: options.Dataset = "mnist",
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
    from cdm_tutor.checkpoint import shipped_weights
    from cdm_tutor.device import pick_device
    from cdm_tutor.distill import Distilling, DistillSettings

    first = weights or shipped_weights(dataset)
    settings = DistillSettings(minutes=minutes, paths=paths, seed=seed)

    def begin() -> Distilling:
        return Distilling.load(start or first, first, settings, pick_device(device))

    made = against_critic(context, begin, "start", paths, out or Path("runs") / f"{dataset}-distilled", data, data_dir)
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
    from cdm_tutor.data import load_images
    from cdm_tutor.lock import lock
    from cdm_tutor.progress import sampling_bar
    from cdm_tutor.writing import try_out

    made = folder / "model.safetensors"
    if made.exists():
        raise ValueError(f"{folder} holds weights already: --out names another folder")
    training = begin()
    images = load_images(training.start.card.data, data, data_dir)
    try_out(made)
    with lock(folder):
        print(f"Drawing {samples} samples of the first network to learn from ...")
        with sampling_bar(samples) as advance:
            drawn = training.draw_samples(advance)
        where = training.start.device
        print(f"Training on {len(images)} images on {where}, writing to {folder}. Ctrl-C saves and stops.")
        again = [f"--{begun_with}", made, "--out", "ELSEWHERE", *options.given(context, but={begun_with, "out"})]
        command = typed("cdm-tutor", context.info_name, training.start.card.data, *again)
        steps = runs.against_critic(folder, training, images.x0, drawn)
        follow(steps, training.settings.batch, folder, f"To go on from there:\n  {command}")
    return made


@app.command()
def sample(
    context: typer.Context,
    dataset: options.Dataset = "mnist",
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
    from cdm_tutor.data import load_sample
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.plots import above, save_grid

    if out.suffix.lower() != ".png":
        raise ValueError(f"expected a picture to write whose name ends in .png, got {out}")
    picture = picture_to_begin_from(complete, keep, sketch, from_step)
    trained = first_network(dataset, weights, label, solver)
    labels, scale = asked_for(trained, label, guidance)
    solver, steps = way_to_draw(context, trained, solver, steps)
    columns = 8
    if len(labels) > 1:  # a row each
        columns = n if options.given(context, {"n"}) else 8
        n = columns * len(labels)
    settings = SampleSettings(n, solver, steps, eta, seed, refine_from, labels, scale)
    images, data = draw(trained, refine, refiner, settings, device, out, picture)
    if real:
        images = above(images, load_sample(data).x0[::1250].repeat(columns // 8 + 1, 1, 1, 1)[:columns], columns)
    from_first(lambda: save_grid(out, images, columns))
    print(f"Wrote {n} images to {out}")
    blind = sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
    if show and (blind or typer.launch(str(out))):
        print(f"Nothing here shows pictures: open {out.resolve()} yourself", file=sys.stderr)


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
    dataset: options.Dataset = "mnist",
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

    from cdm_tutor.data import CLASS_NAMES, load_sample
    from cdm_tutor.distributed import from_first
    from cdm_tutor.generate import SampleSettings
    from cdm_tutor.metrics import Yardstick
    from cdm_tutor.writing import whole

    trained = first_network(dataset, weights, label, solver)
    labels, scale = asked_for(trained, label, guidance)
    solver, steps = way_to_draw(context, trained, solver, steps)
    settings = SampleSettings(n, solver, steps, eta, seed, refine_from, labels, scale)
    samples, data = draw(trained, refine, refiner, settings, device, json_file)
    asked = settings.label_of(range(n)) if labels else None
    report = Yardstick(data, load_sample(data).x0).report(samples, asked)
    print(f"FID         {report.fid:8.3f}   (n = {n}; {n} real images: {report.fid_floor:.3f})")
    print(f"KID x 1000  {report.kid:8.3f}   (0 is best)")
    print(f"precision   {report.precision:8.3f}   (samples among real images; real ones: {report.precision_floor:.3f})")
    print(f"recall      {report.recall:8.3f}   (real images among samples)")
    print(f"confidence  {report.confidence:8.3f}   (mean probability of the class the classifier picks)")
    print(f"unsure      {report.unsure:8.3f}   (share of it below 0.5; of real test images: {report.unsure_floor:.3f})")
    print(f"nearest     {report.nearest:8.3f}   (to the nearest training image; real: {report.nearest_floor:.3f})")
    print("classes     " + ", ".join(f"{c} {h:.1%}" for c, h in zip(CLASS_NAMES[data], report.histogram, strict=True)))

    if labels:
        print(f"agreement   {report.agreement:8.3f}   (drawn as asked for; real: {report.agreement_floor:.3f})")
        shares = (f"{CLASS_NAMES[data][c]} {share:.1%}" for c, share in sorted(report.agreements.items()))
        print("of each     " + ", ".join(shares))

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

    print(verdict.diagnose(path, data, n, seed))


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


def first_network(
    dataset: choices.Dataset, weights: Path | None, label: str | None, solver: choices.Solver
) -> "Trained":
    """The network that draws: of a file, or that of the package which can be told a label, or draws by this solver."""
    from cdm_tutor.checkpoint import load_weights, shipped_weights

    stage: choices.Stage = "consistency" if solver == "jumps" else "unet"
    return load_weights(weights or shipped_weights(dataset, stage, classes=label is not None))


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
    return find_classes(label, trained.card.data), GUIDANCE if guidance is None else guidance


def picture_to_begin_from(
    complete: Path | None, keep: choices.Keep | None, sketch: Path | None, from_step: int | None
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
    if complete:
        return Picture(read_picture(complete), half(keep or "left"))
    if sketch:
        return Picture(read_picture(sketch), t_start=500 if from_step is None else from_step)
    return None


def draw(
    trained: "Trained",
    refine: bool,
    refiner: Path | None,
    settings: "SampleSettings",
    device: choices.Device,
    out: Path | None,
    picture: "Picture | None" = None,
) -> tuple[Any, str]:
    """Sample with a progress bar, for a file to write; returns the images and the data set they are of."""
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
        return generate(trained, settings, refiner=second, picture=picture, on_batch=advance), trained.card.data


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
