"""What was measured, drawn: from the files that the benchmarks leave in benchmarks/results."""

import json
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from workshop.drawing import chart, side_by_side, wide
from workshop.places import RESULTS

TOLD = sorted(RESULTS.glob("guidance-*.json"))
READS = [*sorted(RESULTS.glob("front-*.json")), *TOLD, RESULTS / "equal_time.json", RESULTS / "processes.json"]


def solvers(facts: dict[str, Any]) -> Figure:
    """FID over sampling steps and over images a second, a line for each solver."""
    figure, panels = side_by_side(2, 4, sharey=True)
    for title in dict.fromkeys(row["solver"] for row in facts["rows"]):
        rows = [row for row in facts["rows"] if row["solver"] == title]
        for axes, key in zip(panels, ("steps", "images_per_second"), strict=True):
            axes.plot([row.get(key) for row in rows], [row["fid"] for row in rows], marker="o", label=title)
    for axes, label in zip(panels, ("sampling steps", "images a second, two CPU cores"), strict=True):
        axes.set(xscale="log", yscale="log", xlabel=label)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(NullLocator())
    figure.supylabel(f"FID ({facts['n']} samples)")
    if wide():
        panels[0].set_ylim(top=3 * max(row["fid"] for row in facts["rows"]))  # room for the legend
    panels[0].legend()
    return figure


def equal_time(facts: dict[str, Any]) -> Figure:
    """FID over minutes of training, a line for each library."""
    figure, axes = plt.subplots()
    for contender in facts.values():
        curve = contender["curve"]
        minutes = [contender["minutes"] * (i + 1) / len(curve) for i in range(len(curve))]
        axes.plot(minutes, curve, marker="o", label=contender["title"])
    n = next(iter(facts.values()))["curve_n"]
    axes.set(yscale="log", xlabel="minutes of training, two CPU cores", ylabel=f"FID ({n} samples)", ylim=(2, 200))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure


def processes(facts: dict[str, Any]) -> Figure:
    """One bar for each number of processes: time a step, computing and waiting for the others."""
    figure, (axes,) = side_by_side(1, 2.2)
    for row, found in enumerate(facts["processes"].values()):
        waiting = max(0.0, found["step_ms"] - found["compute_ms"])
        axes.barh(row, found["compute_ms"], color="C0", label=None if row else "computing")
        axes.barh(
            row, waiting, left=found["compute_ms"], color="C1", hatch="//", label=None if row else "communicating"
        )
        axes.text(found["step_ms"], row, f"  {found['images_per_second']:.0f} images/s", va="center")
    axes.set(yticks=[0, 1], yticklabels=["1 process", "2 processes"])
    axes.set_xlabel(f"milliseconds a step of {facts['batch']} images")
    axes.set_xlim(0, (1.3 if wide() else 1.9) * max(found["step_ms"] for found in facts["processes"].values()))
    axes.invert_yaxis()
    axes.legend()
    return figure


def guidance(digits: dict[str, Any], clothes: dict[str, Any]) -> Figure:
    """FID, agreement and variety over the guidance scale, a line for each data set."""
    figure, panels = side_by_side(3)
    for facts, label in ((digits, "digits"), (clothes, "clothes")):
        rows = [row for row in facts["rows"] if row["limits"] == [0, 1]]
        scales = [row["scale"] for row in rows]
        panels[0].plot(scales, [row["report"]["fid"] for row in rows], marker="o", label=label)
        panels[1].plot(scales, [row["report"]["agreement"] for row in rows], marker="o", label=label)
        panels[2].plot(scales, [row["variety"] / facts["variety_of_real"] for row in rows], marker="o", label=label)
    for axes, title in zip(panels, ("FID", "agreement with the label", "variety (real images: 1)"), strict=True):
        axes.set(title=title, xlabel="guidance scale")
        axes.set_ylim(bottom=0)
    panels[0].legend()
    return figure


def main() -> None:
    """Draw all of them."""
    facts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in READS}
    for name in [name for name in facts if name.startswith("front-")]:
        caption = "FID by solver, over sampling steps and over images a second; lower is better."
        alt = "FID over sampling steps, and over images a second, for each solver: corrected DPM-Solver++ is lowest."
        chart(name, caption, alt, partial(solvers, facts[name]), "pictures")
    alt = "FID over minutes of training, on a log scale: ours is below the other two after each quarter of the time."
    chart(
        "equal-time",
        "FID over minutes of training; lower is better.",
        alt,
        lambda: equal_time(facts["equal_time"]),
        "pictures",
    )
    alt = (
        "Milliseconds a step, computing and communicating, for one process and for two: two take little more than half."
    )
    chart(
        "processes",
        "A step of one process and of two: computing, and communicating.",
        alt,
        lambda: processes(facts["processes"]),
        "pictures",
    )
    alt = "FID, agreement and variety over the guidance scale: agreement rises, variety falls, FID is least near 1."
    chart(
        "07-measured",
        "FID, agreement and variety, over the guidance scale.",
        alt,
        lambda: guidance(facts["guidance-mnist"], facts["guidance-fashion"]),
    )
