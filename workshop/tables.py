"""The tables in README.md and on the site, between their markers: what was measured, from the files of the benchmarks,
and the stages, from the outline.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from textwrap import indent
from typing import Any

from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.variants import variants_of
from cdm_tutor.wording import counted
from workshop.places import ASSETS, DOCS, RESULTS, ROOT
from workshop.product import Product
from workshop.published import clone

NAMES = {"mnist": "MNIST", "fashion": "Fashion-MNIST"}
SOLVERS = {"dpm": "DPM-Solver++, corrected", "ddim": "DDIM"}


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def where(facts: dict[str, Any]) -> str:
    threads = "1 thread" if facts["threads"] == 1 else f"{facts['threads']} threads"
    return f"{facts['date']}, {facts['processor']}, {threads}, torch {facts['torch'].split('+')[0]}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def stages() -> str:
    rows = [[each.heading, f"[{each.module}.py](cdm_tutor/{each.module}.py)", each.about] for each in LESSONS]
    return table(["lesson", "file", "what it is about"], rows)


def speed() -> str:
    facts = read(RESULTS / "speed.json")
    rows = [
        [
            c["title"],
            f"{c['parameters'] / 1e6:.2f}M",
            f"{c['train']:.0f}",
            f"{c['forward']:.0f}",
            f"{c['ours_train_ratio']:.1f}",
        ]
        for c in facts["contenders"].values()
    ]
    head = ["network", "parameters", "training, images/s", "one forward pass, images/s", "ours trains faster by"]
    return f"{table(head, rows)}\n\nBatch {facts['batch']}; `benchmarks/speed.py`; {where(facts)}."


def quality() -> str:
    facts = read(RESULTS / "equal_time.json")
    rows = [
        [c["title"], f"{c['images']:,}", f"{c['fid']:.2f}", f"{c['n']:,}", f"{c['fid_floor']:.2f}", c["settings"]]
        for c in facts.values()
    ]
    head = ["network", "images seen", "FID", "samples", "FID of as many real images", "settings"]
    first = next(iter(facts.values()))
    note = f"The 60,000 images of Fashion-MNIST, {first['minutes']:g} minutes of training each, 20 steps of `dpm`"
    return f"{table(head, rows)}\n\n{note}; `benchmarks/equal_time.py`; {where(first['trained'])}."


def front() -> str:
    facts = read(RESULTS / "front-fashion.json")
    rows = [[r["solver"], str(r["steps"]), f"{r['fid']:.2f}", f"{r['images_per_second']:.0f}"] for r in facts["rows"]]
    note = f"Shipped Fashion-MNIST weights, {facts['n']:,} samples, floor {facts['fid_floor']:.2f}"
    shown = table(["solver", "steps", "FID", "images/s"], rows)
    return f"{shown}\n\n{note}; `benchmarks/front.py`; {where(facts['rates'])}."


def guidance() -> str:
    tables = []
    for name, title in NAMES.items():
        facts = read(RESULTS / f"guidance-{name}.json")
        rows = []
        for row in facts["rows"]:
            report = row["report"]
            within = "" if row["limits"] == [0, 1] else ", between {:g} T and {:g} T".format(*row["limits"])
            figures = [f"{report['fid']:.2f}", f"{report['agreement']:.1%}", f"{report['unsure']:.1%}"]
            rows.append([f"{row['scale']:g}{within}", *figures, f"{row['variety'] / facts['variety_of_real']:.2f}"])
        tables.append(table([f"{title}, guidance scale", "FID", "agreement", "unsure", "variety"], rows))
    note = (
        f"{facts['n']:,} samples, as many of each class, 20 steps. Agreement: how often the classifier sees the class "
        "that was asked for. Variety: how much two "
        f"samples of one class differ, real images 1; `benchmarks/guidance.py`; {where(facts['rows'][-1]['measured'])}."
    )
    return "\n\n".join([*tables, note])


def one_step() -> str:
    tables, note = [], ""
    for name, title in NAMES.items():
        facts = read(RESULTS / f"one-step-{name}.json")
        rows = []
        for (by_steps, refined, steps), its_rows in groupby(sorted(facts["rows"], key=way_of), key=way_of):
            its = [row["report"] for row in its_rows]
            way = f"{steps} steps" if by_steps else counted(steps, "jump")
            others = [mean(each[figure] for each in its) for figure in ("recall", "unsure", "nearest")]
            fid = spread([each["fid"] for each in its])
            rows.append([way + " and the refiner's two" * refined, fid, *shares(*others)])
        real = facts["rows"][0]["report"]
        floors = shares(*(real[f"{figure}_floor"] for figure in ("precision", "unsure", "nearest")))
        rows.append(["real images", f"{real['fid_floor']:.2f}", *floors])
        tables.append(table([title, "FID", "recall", "unsure", "nearest"], rows))
        rates = facts["rates"]
        seeds = counted(len({each["seed"] for each in facts["rows"]}), "seed")
        note += f"{title}: {facts['n']:,} samples, {seeds}; {rates['one jump']:.0f} images a second in one jump, "
        note += f"{rates['20 steps']:.0f} in 20 steps. "
    note += "Mean and standard deviation over seeds; steps are DPM-Solver++'s; "
    note += f"`benchmarks/one_step.py`; {where(rates['measured'])}."
    return "\n\n".join([*tables, note])


def way_of(row: dict[str, Any]) -> tuple[bool, bool, int]:
    """How the images of a row were drawn: by steps or by jumps, refined or not, in how many; in the table's order."""
    return row["solver"] == "dpm", row["refined"], row["steps"]


def shares(recall: float, unsure: float, nearest: float) -> list[str]:
    """What a report says beside the FID."""
    return [f"{recall:.2f}", f"{unsure:.1%}", f"{nearest:.3f}"]


def ways_to_one_step() -> str:
    facts = read(RESULTS / "ways-to-one-step-mnist.json")
    rows = []
    for its in facts.values():
        figures = [f"{its['1']['fid']:.2f}", f"{its['2']['fid']:.2f}", f"{its['1']['recall']:.2f}"]
        rows.append([its["title"], f"{its['images']:,}", *figures])
        note = f"MNIST, {its['minutes']:g} minutes each, 5,000 samples; `benchmarks/ways_to_one_step.py`; {where(its)}."
    head = ["way to one jump", "images seen", "FID, one jump", "FID, two jumps", "recall, one jump"]
    return f"{table(head, rows)}\n\n{note}"


def spread(figures: list[float]) -> str:
    """Mean and standard deviation over the seeds."""
    return f"{mean(figures):.2f} ± {stdev(figures):.2f}" if len(figures) > 1 else f"{figures[0]:.2f}"


def refiner() -> str:
    tables, dates = [], []
    for name, title in NAMES.items():
        facts = read(RESULTS / f"refiner-{name}.json")
        dates.append(f"{facts['weights']['base']['date']} ({title})")
        rows = []
        for solver, steps in (("dpm", 20), ("dpm", 10), ("ddim", 20), ("ddim", 10)):
            its = [row for row in facts["rows"] if (row["solver"], row["steps"]) == (solver, steps)]
            if not its:
                continue  # not measured yet
            more = [row for row in facts["rows"] if (row["solver"], row["steps"]) == (solver, steps + 2)]
            before, after = ([row[way]["fid"] for row in its] for way in ("plain", "refined"))
            own = [[row[f"by itself from {start}"] for row in its] for start in (100, 200)]
            rows.append(
                [
                    f"{SOLVERS[solver]}, {steps} steps",
                    spread(before),
                    f"**{spread(after)}**",
                    f"{mean(after) / mean(before):.2f}",
                    spread([row["plain"]["fid"] for row in more]) if more else "",
                    spread(min(own, key=mean)),
                ]
            )
        head = [title, "as they are", "refined", "ratio", "two more steps", "refined by the first network"]
        tables.append(table(head, rows))
    seeds = len({row["seed"] for row in facts["rows"]})
    measured = "; ".join(sorted({where(row["measured"]) for row in facts["rows"]}))
    of = f"mean and standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    note = (
        f"FID of {facts['n']:,} samples, {of}, with weights of "
        f"{' and '.join(dates)}; `benchmarks/refiner.py`; {measured}."
    )
    return "\n\n".join([*tables, note])


def harm() -> str:
    rows = []
    for name, title in NAMES.items():
        its = [row for row in read(RESULTS / f"refiner-{name}.json")["rows"] if row["steps"] == 20 and "refined" in row]
        reports = [row[way] for row in its if row["solver"] == "dpm" for way in ("plain", "refined")]
        for way, found in (("as they are", reports[::2]), ("refined", reports[1::2])):
            cells = (mean(max(each["histogram"]) for each in found), mean(min(each["histogram"]) for each in found))
            nearest = [f"{mean(each[key] for each in found):.3f}" for key in ("nearest", "nearest_floor")]
            confidence = f"{mean(each['confidence'] for each in found):.1%}"
            rows.append([f"{title}, {way}", f"{cells[0]:.1%}", f"{cells[1]:.1%}", confidence, *nearest])
    head = [
        "samples",
        "commonest class",
        "rarest class",
        "classifier's confidence",
        "to nearest training image",
        "for real images",
    ]
    return table(head, rows)


def naive() -> str:
    facts = read(RESULTS / "naive-fashion.json")
    real = facts["rows"][-1]["sharpness"]
    titles = {
        "as they are": "the samples as they are",
        "pairs": "after training on pairs",
        "clean": "after training on clean images",
        "noised": "renoised and denoised, from t = 100",
        "shipped": "by the refiner that comes with the package",
        "real": "real images",
    }
    rows = [[titles[r["way"]], f"{r['fid']:.2f}", f"{r['sharpness'] / real:.2f}"] for r in facts["rows"]]
    shown = table(["Fashion-MNIST", "FID", "sharpness: how much neighbouring pixels differ, real images 1"], rows)
    note = f"{facts['steps']} steps of training each, {facts['n']:,} samples; `benchmarks/naive_refiners.py`"
    return f"{shown}\n\n{note}; {where(facts)}."


def shipped() -> str:
    rows, commands = [], []
    for name, title in NAMES.items():
        facts = read(ASSETS / f"{name}-unet.json")
        accuracy = read(ASSETS / f"{name}-classifier.json")["test_accuracy"]
        rows.append(
            [title, f"{facts['images']:,}", f"{facts['minutes']:g}", f"{facts['fid']:.2f}", f"{facts['fid_floor']:.2f}",
             f"{accuracy:.1%}", facts["date"]]
        )  # fmt: skip
        commands.append(f"    {facts['command']}")
    head = ["data set", "images seen", "minutes", "FID", "FID of real images", "classifier's test accuracy", "date"]
    note = f"{facts['n']:,} samples, {facts['sampled']}; trained by\n\n" + "\n".join(commands)
    return f"{table(head, rows)}\n\n{note}\n\nand measured by `workshop/ship.py`; {where(facts['measured'])}."


def images_seen() -> str:
    tables = []
    for name, title in NAMES.items():
        facts = read(RESULTS / f"images-seen-{name}.json")
        rows = []
        for row in facts["rows"]:
            report = row["report"]
            rows.append([f"{row['weights']['images']:,}", f"{report['fid']:.2f}", f"{report['unsure']:.1%}"])
        rows.append(["real images", f"{report['fid_floor']:.2f}", f"{report['unsure_floor']:.1%}"])
        tables.append(table([f"{title}, images seen", "FID", "unsure"], rows))
    note = f"{facts['n']:,} samples, 20 steps; `benchmarks/images_seen.py`; {where(facts['rows'][-1]['measured'])}."
    return "\n\n".join([*tables, note])


def memory() -> str:
    facts = read(RESULTS / "memory.json")
    return (
        f"Peak memory: training {facts['train_mb'] / 1000:.2f} GB ({facts['train_data']}), "
        f"sampling {facts['sample_mb'] / 1000:.2f} GB; `cdm-tutor --help` answers in {facts['help_seconds']:.2f} s; "
        f"`benchmarks/memory.py`; {where(facts)}."
    )


def processes() -> str:
    facts = read(RESULTS / "processes.json")
    rows = [
        [n, f"{c['images_per_second']:.0f}", f"{c['step_ms']:.1f}", f"{c['compute_ms']:.1f}"]
        for n, c in facts["processes"].items()
    ]
    head = ["processes of one thread", "images/s", "milliseconds a step", "of these computing"]
    note = f"{facts['speedup']:.2f} times the images a second; batch {facts['batch']}"
    return f"{table(head, rows)}\n\n{note}; `benchmarks/processes.py`; {where(facts)}."


def lessons() -> str:
    """That all are caught and accepted is not measured: the tests hold it."""
    facts = read(RESULTS / "lessons.json")
    rows = [
        [
            f"{int(lesson.number)} {lesson.title}",
            "{0} of {0}".format(len(mistakes_of(lesson))),
            "{0} of {0}".format(len(variants_of(lesson))),
            *(f"{facts['lessons'][lesson.number][name]:.2g}" for name in ("worst_variant", "least_mistake", "seconds")),
        ]
        for lesson in LESSONS
        if lesson.number in facts["lessons"]
    ]
    head = ["lesson", "known mistakes caught", "correct variants accepted", "largest error of a variant",
            "of the mistake that shows least", "seconds"]  # fmt: skip
    note = (
        "Errors in tolerances: 1 is the most that a comparison lets pass. Seconds from Enter to verdict with a right "
        f"solution, of which {facts['imports_seconds']:.1f} are `import torch, pytest, hypothesis`"
    )
    return f"{table(head, rows)}\n\n{note}; `benchmarks/lessons.py`; {where(facts)}."


def mutations() -> str:
    facts = read(RESULTS / "mutations.json")
    rows = [
        [
            f"{int(number)}",
            f"{its['mutants']}",
            f"{its['mutants'] - len(its['equivalent']) - len(its['missed'])}",
            f"{len(its['equivalent'])}",
            f"{len(its['missed'])}",
        ]
        for number, its in facts["lessons"].items()
    ]
    head = ["lesson", "small changes made", "caught", "change nothing that a caller sees", "missed"]
    note = "Each operator, number, condition, argument and call of each solution, and each argument and result as a "
    note += "whole (its gradient cut, its channels mixed, its digits lost, ...), changed one at a time"
    return f"{table(head, rows)}\n\n{note}; `benchmarks/mutations.py`; {where(facts)}."


def hostile() -> str:
    facts = read(RESULTS / "hostile.json")
    rows = [[r["lesson"], f"`{r['name']}`, {r['where']}", r["verdict"], f"{r['seconds']:.0f}"] for r in facts["rows"]]
    passed, lost = sum(r["passed"] for r in facts["rows"]), sum(r["lost"] for r in facts["rows"])
    note = (
        f"{len(rows)} files: {passed} passed, {lost} verdicts on other exercises lost, "
        f"the slowest took {max(r['seconds'] for r in facts['rows']):.0f} s; `benchmarks/hostile.py`"
    )
    shown = table(["lesson", "what the file does, and where", "verdict", "seconds"], rows)
    folded = "\n".join(f"    {line}".rstrip() for line in shown.splitlines())
    return f'{note}; {where(facts)}.\n\n??? info "Each of them"\n\n{folded}'


def live() -> str:
    facts = read(RESULTS / "live.json")
    steps = facts["steps"]
    rows = [
        [
            NAMES[data],
            *(f"{its[name]:.2f}" for name in ("sampler", "refiner", "without_wasm", "opened")),
            f"{1 / its['jump']:.0f}",
        ]
        for data, its in facts["seconds"].items()
    ]
    head = ["seconds for", f"{steps} steps of dpm", "the refiner's two", f"{steps} steps without WebAssembly",
            "from opening the page to a refined image", "images a second in one jump"]  # fmt: skip
    pages = [(its["page"], its["button"]) for its in facts["bytes"].values()]
    heaviest, added = (f"{max(sizes) / 1e6:.2f} MB" for sizes in zip(*pages, strict=True))
    note = (
        f"{facts['browser']} on one core. The heaviest page with a live sampler is {heaviest}; its button adds at most "
        f"{added}, another data set as much again; `benchmarks/live.py`; {facts['date']}, {facts['processor']}."
    )
    steered = [[name, f"{its['chosen']:.2f}", f"{its['redraws']:.0f}"] for name, its in facts["guided"].items()]
    asked = ["told a class, guidance 3", f"seconds for {steps} steps", "images a second while guidance is moved"]
    return f"{table(head, rows)}\n\n{table(asked, steered)}\n\n{note}"


def diagnose() -> str:
    facts = read(RESULTS / "diagnose.json")
    rows = [[kind, f"{right} of {of}", f"{right / of:.0%}"] for kind, (right, of) in facts["kinds"].items()]
    rows.append(["all", f"{facts['right']} of {facts['sets']}", f"{facts['share']:.0%}"])
    note = (
        f"Sets of {facts['n']} images, none of which diagnose was tuned on; `benchmarks/diagnose.py`; {where(facts)}."
    )
    return f"{table(['samples', 'symptom named', 'share'], rows)}\n\n{note}"


FUNCTIONS = (
    stages, speed, quality, front, guidance, one_step, ways_to_one_step, refiner, harm, naive, shipped, images_seen,
    processes, memory, live, lessons, mutations, hostile, diagnose, clone,
)  # fmt: skip
TABLES: dict[str, Callable[[], str]] = {function.__name__: function for function in FUNCTIONS}


MARKED = re.compile(r"^( *)<!-- table: (\w+) -->$.*?^\1<!-- end -->$", flags=re.DOTALL | re.MULTILINE)


def filled(text: str) -> str:
    """The page with every table made anew between `<!-- table: NAME -->` and `<!-- end -->`.

    The markers stand on lines of their own; a table is indented as they are.
    """
    return MARKED.sub(_between_markers, text)


def _between_markers(found: re.Match[str]) -> str:
    margin, name = found.groups()
    return indent(f"<!-- table: {name} -->\n\n{TABLES[name]()}\n\n<!-- end -->", margin)


def write(page: str) -> list[Path]:
    """Write the tables of a page."""
    path = ROOT / page
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    return [path]


def is_other(page: str) -> bool:
    """Whether a table of a page is not what the files say."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return filled(text) != text


def products() -> list[Product]:
    """A product for each page with tables."""
    pages = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))]
    with_tables = [page for page in pages if MARKED.search((ROOT / page).read_text(encoding="utf-8"))]
    return [
        Product(f"tables/{page}", partial(write, page), part_is_other=partial(is_other, page)) for page in with_tables
    ]
