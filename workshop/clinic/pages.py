"""The clinic's pages, from what workshop/clinic/make.py has seen: the entries of each lesson, and all by symptom."""

import difflib
import html
import math
from functools import cache
from statistics import pstdev
from typing import Any

from PIL import Image

from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.looks import MEASURES
from cdm_tutor.course.mistakes import find_mistake, mistakes_of, scenes_of
from cdm_tutor.course.page import escaped as escaped
from cdm_tutor.course.page import fence, sentence
from cdm_tutor.course.symptoms import GROUPS, Group, groups_of, mistakes_with
from workshop.clinic.make import PICTURES, read_seen
from workshop.clinic.words import how

ENLARGED = 3
STANDS_OUT = 0.5  # a measure that is off by more, in standard deviations over the whole clinic, is worth telling
ALIKE = 0.01  # samples that differ by less, in grey, are told to look right
HEALTHY = 0.1  # a loss at the end that is off by less, as a share of the right one
JUMPY = 1.5  # and that changes from step to step by less than so many times as much


@cache
def seen() -> dict[str, Any]:
    """What was seen of each mistake."""
    return read_seen()


# --- a lesson's page -------------------------------------------------------------------------------------------------


def lesson_part(lesson: Lesson) -> str:
    """All known mistakes of a lesson, by exercise."""
    text = ""
    for exercise in lesson.exercises:
        text += f"## `{exercise.name}` {{ #{exercise.name.lower().replace('.', '-')} }}\n\n"
        text += "".join(entry(lesson, each) for each in mistakes_of(lesson) if each.exercise == exercise.name)
    return text


def entry(lesson: Lesson, mistake: Mistake) -> str:
    """A mistake: what it does, what was measured; folded, the code and the idea."""
    if mistake.name not in seen():
        raise ValueError(f"the mistake {mistake.name} was never run: python -m workshop make clinic/{mistake.name}")
    facts = seen()[mistake.name]
    scenes = [{"how": how(scene), **each} for scene, each in zip(scenes_of(mistake), facts["scenes"], strict=True)]
    groups = ", ".join(f"[{escaped(group.title)}](../clinic.md#{group.name})" for group in groups_of(mistake))
    fold = f"{fence('diff', difference(lesson, mistake))}\n**The idea.** {escaped(mistake.concept)}\n"
    return (
        f"### {escaped(sentence(mistake.title))} {{ #{mistake.name} data-toc-label={mistake.name} }}\n\n"
        f"{picture(mistake, scenes)}"
        f"**What you see.** {escaped(mistake.symptom)}\n\n"
        f"{''.join(map(told, scenes))}"
        f"In the index under: {groups}.\n\n"
        f'??? question "Guess first: which line of `{mistake.exercise}` is it? The code and the idea"\n\n'
        f"{indented(fold)}\n"
        f"Caught by `{facts['caught by']}`: `pytest lessons/{lesson.number} --impl mistake:{mistake.name}`.\n\n"
    )


def picture(mistake: Mistake, scenes: list[dict[str, Any]]) -> str:
    """The rows of samples, each with its label; nothing where there are none."""
    labels = [label for scene in scenes for label in scene["rows"]]
    if not labels:
        return ""
    with Image.open(PICTURES / f"{mistake.name}.webp") as file:
        width, height = (ENLARGED * side for side in file.size)
    listed = "\n".join(f"- {label}" for label in labels)
    image = f"![{alternative(mistake, scenes)}](../pictures/clinic/{mistake.name}.webp)"
    return (
        f'<div class="samples" markdown>\n\n{listed}\n\n{image}{{ width="{width}" height="{height}" loading=lazy }}\n\n'
        "</div>\n\n"
    )


def alternative(mistake: Mistake, scenes: list[dict[str, Any]]) -> str:
    """The picture in words: the rows, the symptom, and what was measured of the mistaken ones."""
    seen = [scene for scene in scenes if scene["rows"]]
    rows = "; ".join(f"{scene['how']}: rows {', '.join(scene['rows'])}" for scene in seen)
    numbers = [figures(scene) for scene in seen if figures(scene)]
    text = f"Samples by {rows}. {mistake.symptom} {' '.join(numbers)}".strip()
    return escaped(text.replace('"', "'").replace("[", "(").replace("]", ")").replace("`", ""))


def told(scene: dict[str, Any]) -> str:
    """What was run, and what came of it, in words and numbers."""
    text = f"*{escaped(sentence(scene['how']))}.* "
    if scene["right error"]:
        text += f"Right, it ends with `{scene['right error']}`; "
        text += f"mistaken, with `{scene['error']}`." if scene["error"] else "mistaken, nothing is said."
    elif scene["error"]:
        text += f"It ends with `{scene['error']}`."
    if scene["note"]:
        text += f" It was {scene['note']}."
    if scene.get("broken"):
        text += f" {scene['broken']:.0%} of the pixels are no numbers, shown in red."
    elif scene["rows"]:
        text += f" {verdict(scene)}"
    if "twice" in scene:
        right, mistaken = scene["twice"]
        text += f" Between the two runs a pixel differs by {mistaken:.1%} on average, rightly by {right:.1%}."
    if scene.get("slower", 1) > 1.5:
        text += f" A step takes {scene['slower']:.1f} times as long."
    return f"{' '.join(text.split())}\n\n{loss(scene)}"


def verdict(scene: dict[str, Any]) -> str:
    """How the mistaken samples differ from the right ones."""
    if "differs" not in scene:
        return figures(scene)
    if not scene["differs"]:
        return "The samples are the very same, but for rounding."
    if scene["differs"] < ALIKE:
        return f"The samples look right: a pixel differs by {scene['differs']:.1%} of black to white on average."
    return figures(scene)


@cache
def spreads() -> dict[str, float]:
    """Of each measure, its standard deviation over all that was seen."""
    all_looks = [scene["looks"] for facts in seen().values() for scene in facts["scenes"] if scene.get("looks")]
    return {name: pstdev(looks[name] for looks in all_looks) for name in MEASURES}


def figures(scene: dict[str, Any]) -> str:
    """The two measures that stand out most, beside those of the right samples."""
    if not (scene.get("looks") and scene.get("right looks")):
        return ""
    off = {name: abs(scene["looks"][name] - scene["right looks"][name]) / spreads()[name] for name in MEASURES}
    out = [name for name in sorted(off, key=lambda name: -off[name])[:2] if off[name] > STANDS_OUT]
    if not out:
        return "Of what is measured nothing stands out."
    both = {name: [scene[whose][name] + 0.0 for whose in ("looks", "right looks")] for name in out}
    told = "; ".join(f"{MEASURES[name]} {mistaken:.2f}, not {right:.2f}" for name, (mistaken, right) in both.items())
    return f"Measured: {told}."


def loss(scene: dict[str, Any]) -> str:
    """The loss curve where it tells something; else a word that it does not."""
    if "loss" not in scene:
        return ""
    (right, mistaken), (calm, jumpy) = scene["ends"], scene["jumps"]
    text = f"{mistaken:.3g} at the end, without the mistake {right:.3g}"
    healthy = abs(mistaken / right - 1) < HEALTHY and jumpy < JUMPY * calm and not scene["note"]
    if healthy and len(scene["loss"]["mistaken"]) == len(scene["loss"]["right"]):
        return f"**The loss** looks healthy: {text}.\n\n"
    key = '<span class="loss right">right</span> <span class="loss mistaken">mistaken</span>'
    return f"**The loss** tells: {text}; {key}.\n\n<p>{chart(scene['loss'], text)}</p>\n\n"


def chart(curves: dict[str, list[float]], text: str) -> str:
    """Two loss curves as a small drawing in the page, on a logarithmic scale."""
    known = [value for curve in curves.values() for value in curve if math.isfinite(value) and value > 0]
    low, high = math.log(min(known)), math.log(max(known))
    width, height, left, top = 320, 110, 40, 8
    longest = max(map(len, curves.values()))
    lines = ""
    for kind, curve in curves.items():
        points = [
            f"{left + (width - left - 4) * place / max(1, longest - 1):.0f},"
            f"{top + height * (high - math.log(value)) / max(1e-9, high - low):.0f}"
            for place, value in enumerate(curve)
            if math.isfinite(value) and value > 0
        ]
        lines += f'<polyline class="{kind}" points="{" ".join(points)}"/>'
    return (
        f'<svg class="loss" viewBox="0 0 {width} {height + 2 * top}" role="img" '
        f'aria-label="{html.escape(f"Two loss curves: {text}.")}">{lines}'
        f'<text x="0" y="{top + 4}">{math.exp(high):.2g}</text><text x="0" y="{top + height + 4}">'
        f"{math.exp(low):.2g}</text></svg>"
    )


def difference(lesson: Lesson, mistake: Mistake) -> str:
    """What the patch changes, with a line around it."""
    source = reference_source(lesson)
    right, wrong = source.splitlines(), patched(source, mistake.patch).splitlines()
    lines = list(difflib.unified_diff(right, wrong, n=1, lineterm=""))[2:]
    return "\n".join(line if not line.startswith("@@") else " ..." for line in lines[1:])


def indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


# --- all by symptom --------------------------------------------------------------------------------------------------


def index_part() -> str:
    """A table of the symptoms, each with a picture; then each symptom with all its mistakes."""
    cards = "\n".join(f"- {typical(group)}[{escaped(group.title)}](#{group.name})" for group in GROUPS)
    return f'<div class="symptoms" markdown>\n\n{cards}\n\n</div>\n\n' + "".join(map(listed, GROUPS))


def typical(group: Group) -> str:
    """What the symptom looks like: the typical mistake's samples, its loss, or its error."""
    scene = seen()[group.typical]["scenes"][0]
    if group.name.startswith("loss-") and "loss" in scene:
        return chart(scene["loss"], f"{scene['ends'][1]:.3g} at the end, without the mistake {scene['ends'][0]:.3g}")
    return thumbnail(group.typical) or f"`{scene['error']}`"


def listed(group: Group) -> str:
    """A symptom and its mistakes."""
    text = f"## {escaped(group.title)} {{ #{group.name} }}\n\n{escaped(group.look)}\n\n"
    text += '<div class="suspects" data-search-exclude markdown>\n\n'
    for mistake in mistakes_with(group):
        name, (lesson, _) = mistake.name, find_mistake(mistake.name)
        place = f"{{ #{name} }}" if groups_of(mistake)[0] == group else ""
        link = f"[{escaped(sentence(mistake.title))}](clinic/{lesson.number}.md#{name})"
        scenes = seen()[name]["scenes"]
        error = scenes[0]["error"] if scenes else ""
        said = f": `{error}`" if error and not thumbnail(name) else ""
        text += f"- {thumbnail(name)}{link} in `{mistake.exercise}`{said}{place}\n"
    return text + "\n</div>\n\n"


def thumbnail(name: str) -> str:
    """A few of a mistake's samples."""
    path = PICTURES / "few" / f"{name}.webp"
    if not path.exists():
        return ""
    with Image.open(path) as file:
        width, height = file.size
    size = f'width="{width}" height="{height}" loading=lazy'
    return f"![Samples with {name}](pictures/clinic/few/{name}.webp){{ {size} }}"
