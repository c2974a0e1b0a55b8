"""The clinic's gallery: all mistakes by what one sees, folded, and the form by which docs/site/gallery.js filters."""

import html
import re
from pathlib import Path

from PIL import Image

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import all_mistakes, find_mistake
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.page import escaped, sentence
from cdm_tutor.course.symptoms import GROUPS, Group, groups_of, mistakes_with
from workshop.clinic.looks import first_drawn, in_words, looks_right, seen, spreads
from workshop.clinic.make import PICTURES
from workshop.clinic.pages import small_chart
from workshop.places import DOCS


def gallery_part() -> str:
    """The form, then each symptom with its mistakes."""
    return f'{form()}\n<div class="gallery" markdown>\n\n{"".join(map(folded, GROUPS))}</div>\n'


def form() -> str:
    """What to filter by. It says nothing without scripts, and is not shown then."""
    lessons = "".join(f'<option value="{each.number}">{each.heading}</option>' for each in LESSONS)
    exercises = "".join(
        f'<optgroup label="{lesson.heading}" data-lesson="{lesson.number}">'
        + "".join(f"<option>{each.name}</option>" for each in lesson.exercises)
        + "</optgroup>"
        for lesson in LESSONS
    )
    symptoms = "".join(f'<option value="{each.name}">{html.escape(each.title)}</option>' for each in GROUPS)
    selects = "".join(
        f'<label>{name} <select name="{name}"><option value="">any</option>{options}</select></label>\n'
        for name, options in (("symptom", symptoms), ("lesson", lessons), ("exercise", exercises))
    )
    return (
        f'<form class="gallery-filter with-scripts" role="search" aria-label="Filter the mistakes">\n{selects}'
        '<label>words <input type="search" name="words" placeholder="sqrt, grey, TypeError"></label>\n'
        f'<p><span role="status">{len(all_mistakes())} mistakes.</span> '
        '<button type="reset" class="md-button" hidden>Show all</button></p>\n</form>\n'
    )


def folded(group: Group) -> str:
    """A symptom: its picture and title; inside, its mistakes, those with a picture first."""
    mistakes = mistakes_with(group)
    drawn = [each for each in mistakes if picture(group, each)]
    rest = [each for each in mistakes if each not in drawn]
    kind = "alone" if group.in_images and group.name != "looks-healthy" else "compared"
    pictures = "\n".join(card(group, each) for each in (by_likeness(drawn) if group.in_images else drawn))
    lists = f'<div class="cards {kind}" data-search-exclude markdown>\n\n{pictures}\n\n</div>\n\n' if drawn else ""
    if rest:
        why = "No picture tells these from what is right:\n\n" if drawn else ""
        texts = "\n".join(card(group, each) for each in rest)
        lists += f'<div class="untold" data-search-exclude markdown>\n\n{why}{texts}\n\n</div>\n\n'
    title = f'<h3 id="{group.name}">{html.escape(group.title)}</h3><span class="count">{len(mistakes)}</span>'
    return (
        f'<details markdown>\n<summary class="{kind}">{face(group)}{title}</summary>\n\n'
        f"{escaped(group.look)}\n\n{lists}</details>\n\n"
    )


def face(group: Group) -> str:
    """What the symptom looks like, beside its title: the typical mistake's picture, or its error."""
    typical = find_mistake(group.typical)[1]
    if is_of_losses(group):
        return picture(group, typical).replace('role="img"', 'aria-hidden="true"')
    if path := thumbnail_of(typical):
        return f'<img src="{path.relative_to(DOCS).as_posix()}" alt="" loading="lazy" width="122" height="62">'
    return f"<code>{html.escape(error_of(typical))}</code>"


def card(group: Group, mistake: Mistake) -> str:
    """A mistake in a symptom's list. Where it stands first it has its place, and words to be found by."""
    name, (lesson, _) = mistake.name, find_mistake(mistake.name)
    shown = picture(group, mistake)
    error = error_of(mistake)
    said = f" `{error}`" if error and not shown else ""
    place = f'{{ #{name} data-words="{words(mistake)}" }}' if groups_of(mistake)[0] == group else ""
    link = f"[{escaped(sentence(mistake.title))}](clinic/{lesson.number}.md#{name}){place}"
    return f"- {shown}{link} <small>Lesson {int(lesson.number)}, `{mistake.exercise}`</small>{said}"


def words(mistake: Mistake) -> str:
    """The words of a mistake that its card does not show, each once."""
    errors = " ".join(scene["error"] for scene in seen()[mistake.name]["scenes"])
    found = re.findall(r"[\w.-]{3,}", f"{mistake.symptom} {mistake.concept} {errors}".lower())
    return " ".join(dict.fromkeys(word.strip(".-") for word in found))


def picture(group: Group, mistake: Mistake) -> str:
    """What tells a mistake from the right code in this group: its loss, or its samples; "" where neither does."""
    if is_of_losses(group):
        scene = next((each for each in seen()[mistake.name]["scenes"] if "loss" in each), None)
        if scene:
            right, mistaken = scene["ends"]
            return small_chart(scene["loss"], f"{mistaken:.3g} at the end, without the mistake {right:.3g}")
    scene = first_drawn(mistake)
    path = thumbnail_of(mistake)
    if not (path and scene) or looks_right(scene):
        return ""
    with Image.open(path) as file:
        width, height = file.size
    size = f'width="{width}" height="{height}" loading=lazy'
    return f"![{in_words(mistake, scene)}]({path.relative_to(DOCS).as_posix()}){{ {size} }}"


def is_of_losses(group: Group) -> bool:
    return group.name.startswith("loss-")


def thumbnail_of(mistake: Mistake) -> Path | None:
    """The few samples of a mistake."""
    path = PICTURES / "few" / f"{mistake.name}.webp"
    return path if path.exists() else None


def error_of(mistake: Mistake) -> str:
    """The error that its first scene ends with."""
    return next((scene["error"] for scene in seen()[mistake.name]["scenes"]), "")


def by_likeness(mistakes: list[Mistake]) -> list[Mistake]:
    """The first, and after each the one that looks most like it: what is alike stands together."""
    rest = list(mistakes)
    chain: list[Mistake] = []
    while rest:
        chain.append(min(rest, key=lambda each: unlikeness(chain[-1], each)) if chain else rest[0])
        rest.remove(chain[-1])
    return chain


def unlikeness(one: Mistake, other: Mistake) -> float:
    """How far apart the samples of two mistakes are in what is measured; what cannot be measured is far from all."""
    looks = [(first_drawn(each) or {}).get("looks") for each in (one, other)]
    if not (looks[0] and looks[1]):
        return float("inf")
    return sum(((looks[0][name] - looks[1][name]) / spread) ** 2 for name, spread in spreads().items())
