"""The clinic's page of each lesson, from what workshop/clinic/make.py has seen."""

import difflib
import html
import math
from typing import Any

from PIL import Image

from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.mistakes import mistakes_of, scenes_of
from cdm_tutor.course.page import escaped, fence, sentence
from cdm_tutor.course.symptoms import groups_of
from workshop.clinic.looks import in_words, seen, verdict
from workshop.clinic.make import PICTURES
from workshop.clinic.words import how

ENLARGED = 3
HEALTHY = 0.1  # a loss at the end that is off by less, as a share of the right one
JUMPY = 1.5  # and that changes from step to step by less than so many times as much


def lesson_part(lesson: Lesson) -> str:
    """All known mistakes of a lesson, by exercise."""
    text = f"Their pictures side by side: [the gallery of this lesson](../clinic.md?lesson={lesson.number}).\n\n"
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
    seen_there = dict.fromkeys(in_words(mistake, scene) for scene in scenes if scene["rows"])
    image = f"![{'; '.join(seen_there)}](../pictures/clinic/{mistake.name}.webp)"
    return (
        f'<div class="samples" markdown>\n\n{listed}\n\n{image}{{ width="{width}" height="{height}" loading=lazy }}\n\n'
        "</div>\n\n"
    )


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
    """Two loss curves as a drawing in the page, with the numbers of its scale."""
    width, height, left, top = 320, 110, 40, 8
    (low, high), lines = bounds(curves), polylines(curves, left, top, width - left - 4, height)
    numbers = "".join(
        f'<text x="0" y="{y + 4}">{math.exp(value):.2g}</text>' for y, value in ((top, high), (top + height, low))
    )
    return drawing(width, height + 2 * top, text, lines + numbers)


def small_chart(curves: dict[str, list[float]], text: str) -> str:
    """The same without numbers, for the gallery."""
    return drawing(122, 62, text, polylines(curves, 2, 2, 118, 58))


def drawing(width: int, height: int, text: str, inside: str) -> str:
    """A drawing of losses, and what it says."""
    label = html.escape(f"Two loss curves: {text}.")
    return f'<svg class="loss" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{inside}</svg>'


def bounds(curves: dict[str, list[float]]) -> tuple[float, float]:
    """The logarithms of the smallest and the largest loss."""
    known = [value for curve in curves.values() for value in curve if math.isfinite(value) and value > 0]
    return math.log(min(known)), math.log(max(known))


def polylines(curves: dict[str, list[float]], left: int, top: int, width: int, height: int) -> str:
    """Two loss curves on a logarithmic scale."""
    low, high = bounds(curves)
    across, down = width / max(1, *(len(curve) - 1 for curve in curves.values())), height / max(1e-9, high - low)
    lines = ""
    for kind, curve in curves.items():
        points = [
            f"{left + across * place:.0f},{top + down * (high - math.log(value)):.0f}"
            for place, value in enumerate(curve)
            if math.isfinite(value) and value > 0
        ]
        lines += f'<polyline class="{kind}" points="{" ".join(points)}"/>'
    return lines


def difference(lesson: Lesson, mistake: Mistake) -> str:
    """What the patch changes, with a line around it."""
    source = reference_source(lesson)
    right, wrong = source.splitlines(), patched(source, mistake.patch).splitlines()
    lines = list(difflib.unified_diff(right, wrong, n=1, lineterm=""))[2:]
    return "\n".join(line if not line.startswith("@@") else " ..." for line in lines[1:])


def indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())
