"""The clinic's gallery in a browser, from the disk: folded, filtered, linked, by keyboard and without scripts."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import all_mistakes, mistakes_of
from cdm_tutor.course.outline import find_lesson
from cdm_tutor.course.symptoms import GROUPS, find_group, groups_of, mistakes_with
from tests.test_site import browser, chromium, complaints, site  # noqa: F401
from workshop.clinic import gallery

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

MISTAKES = all_mistakes()
CARDS = ".gallery li:visible"

in_browser = pytest.mark.browser


@pytest.fixture
def tab(browser: "Browser") -> Iterator["Page"]:  # noqa: F811
    """An empty page of a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def clinic(site: Path) -> str:  # noqa: F811
    return (site / "clinic.html").as_uri()


def shown(tab: "Page") -> set[str]:
    """The mistakes that are not filtered out, unfolded or not."""
    links = ".gallery > details:not([hidden]) li:not([hidden]) a"
    return {link.split("#")[1] for link in tab.eval_on_selector_all(links, "all => all.map(each => each.href)")}


def said(tab: "Page") -> str:
    return tab.locator(".gallery-filter [role=status]").inner_text()


def field(tab: "Page", name: str) -> "Locator":
    return tab.locator(f".gallery-filter [name={name}]")


def asked(tab: "Page") -> dict[str, list[str]]:
    return parse_qs(urlsplit(tab.url).query)


def test_every_mistake_is_once_in_each_of_its_groups() -> None:
    part = gallery.gallery_part()
    folds = part.split("<details markdown>")[1:]
    for group, fold in zip(GROUPS, folds, strict=True):
        listed = re.findall(r"\]\(clinic/\d+\.md#([\w-]+)\)", fold)
        assert sorted(listed) == sorted(mistake.name for mistake in mistakes_with(group))
    places = re.findall(r'\{ #([\w-]+) data-words="[^"]+" \}', part)
    assert sorted(places) == sorted(MISTAKES)


def test_what_is_alike_stands_together() -> None:
    """The typical one first; then, over all neighbours, less difference than in the order of the lessons."""
    group = find_group("noise")
    drawn = [each for each in mistakes_with(group) if gallery.picture(group, each)]

    def difference(chain: list[Mistake]) -> float:
        return sum(gallery.unlikeness(*pair) for pair in pairwise(chain))

    chain = gallery.by_likeness(drawn)
    assert chain[0].name == group.typical
    assert sorted(each.name for each in chain) == sorted(each.name for each in drawn)
    assert difference(chain) < difference(drawn) / 2


def test_alternative_texts_are_words_and_few() -> None:
    """No slugs, and nothing that stands beside the picture."""
    part = gallery.gallery_part()
    texts = re.findall(r"!\[([^\]]+)\]\(pictures/clinic/few/([\w-]+)\.webp\)", part)
    assert len(texts) > 200
    for text, name in texts:
        mistake = MISTAKES[name][1]
        assert 5 < len(text) < 100, text
        assert name not in text
        assert not {mistake.title, mistake.symptom} & {text}
    assert len({text for text, _ in texts}) > 80


@in_browser
def test_folded_it_is_short_on_a_phone(tab: "Page", clinic: str) -> None:
    tab.goto(clinic)
    assert tab.evaluate("document.documentElement.scrollHeight") < 12 * 844
    assert tab.locator(".gallery > details").count() == len(GROUPS)
    assert tab.locator(CARDS).count() == 0
    assert said(tab) == f"{len(MISTAKES)} mistakes."
    tab.locator("summary", has=tab.locator("#noise")).click()
    first, second = (tab.locator(CARDS).nth(place).bounding_box() for place in range(2))
    assert first
    assert second
    assert first["y"] == second["y"], "two columns"
    assert first["width"] >= 150


@in_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_can_complain(width: int, clinic: str, browser: "Browser") -> None:  # noqa: F811
    """Folded, with one symptom open, and filtered to nothing."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    tab = context.new_page()
    for asks in ("", "#noise", "?symptom=loss-stays", "?words=nothing+of+the+kind"):
        tab.goto(clinic + asks)
        tab.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(image => image.loading = 'eager')")
        tab.wait_for_function("[...document.images].every(image => image.complete)")
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            heard = (width > 1000) == (scheme == "light")
            assert complaints(tab, width, heard=heard) == [], (asks, scheme)
    context.close()


@in_browser
def test_filter_by_each_of_four_and_by_all(tab: "Page", clinic: str) -> None:
    tab.goto(clinic)
    lesson, fold = find_lesson("03"), tab.locator(".gallery > details[open]:visible")
    field(tab, "lesson").select_option("03")
    assert shown(tab) == {each.name for each in mistakes_of(lesson)}
    assert said(tab).startswith(f"{len(mistakes_of(lesson))} of {len(MISTAKES)} mistakes, under ")
    assert fold.count() == 0, "too many to be unfolded"

    exercise = "timestep_embedding"
    field(tab, "exercise").select_option(exercise)
    of_it = {each.name for each in mistakes_of(lesson) if each.exercise == exercise}
    assert shown(tab) == of_it

    field(tab, "words").fill("sin cos")
    found = shown(tab)
    assert "embedding-sines-first" in found
    assert found < of_it
    assert fold.count() > 0, "few are unfolded"
    assert asked(tab) == {"lesson": ["03"], "exercise": [exercise], "words": ["sin cos"]}

    field(tab, "symptom").select_option("elsewhere")
    assert shown(tab) == found & {each.name for each in mistakes_with(find_group("elsewhere"))}
    assert fold.count() == 1

    field(tab, "lesson").select_option("04")
    assert field(tab, "exercise").input_value() == "", "an exercise of another lesson is asked for no more"


@in_browser
def test_words_find_titles_errors_symptoms_and_ideas(tab: "Page", clinic: str) -> None:
    tab.goto(clinic)
    words = field(tab, "words")
    words.fill("cosine-not-squared")
    assert shown(tab) == {"cosine-not-squared"}
    words.fill("NoneType CALLABLE")
    assert "zeroed-gives-nothing" in shown(tab)
    for name in ("no-fresh-noise", "attention-not-scaled"):
        mistake = MISTAKES[name][1]
        for text in (mistake.title, mistake.symptom, mistake.concept):
            words.fill(" ".join(re.findall(r"[A-Za-z]{4,}", text)[:3]))
            assert name in shown(tab), text


@in_browser
def test_filter_by_keyboard_to_nothing_and_back(tab: "Page", clinic: str) -> None:
    tab.goto(clinic)
    field(tab, "symptom").focus()
    tab.keyboard.press("ArrowDown")
    assert shown(tab) == {each.name for each in mistakes_with(GROUPS[0])}
    for _ in range(3):
        tab.keyboard.press("Tab")
    tab.keyboard.type("unheard of")
    assert said(tab) == "No mistake fits all of this: ask for less."
    assert shown(tab) == set()
    tab.keyboard.press("Enter")
    assert field(tab, "words").input_value() == "unheard of", "nothing is sent"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert shown(tab) == set(MISTAKES)
    assert asked(tab) == {}
    assert said(tab) == f"{len(MISTAKES)} mistakes."
    assert tab.evaluate("document.activeElement.name") == "symptom", "what had the focus is there no more"


@in_browser
def test_filtered_view_can_be_linked(tab: "Page", clinic: str) -> None:
    tab.goto(clinic + "?lesson=02&words=root")
    found = shown(tab)
    assert found
    assert found < {each.name for each in mistakes_of(find_lesson("02"))}
    assert field(tab, "lesson").input_value() == "02"
    field(tab, "words").fill("")
    assert tab.url == clinic + "?lesson=02"
    tab.reload()
    assert shown(tab) == {each.name for each in mistakes_of(find_lesson("02"))}


@in_browser
def test_lesson_leads_to_its_gallery(tab: "Page", clinic: str) -> None:
    tab.goto(clinic.replace(".html", "/05.html"))
    tab.get_by_role("link", name="the gallery of this lesson").click()
    tab.wait_for_url("**/clinic.html?lesson=05")
    assert shown(tab) == {each.name for each in mistakes_of(find_lesson("05"))}


@in_browser
def test_addresses_open_what_they_name(tab: "Page", clinic: str) -> None:
    """Of a symptom and of a mistake; also where the filter hides it."""
    tab.goto(clinic)
    placed = {groups_of(mistake)[0].name: name for name, (_, mistake) in MISTAKES.items()}  # one in each symptom
    closed = tab.evaluate(
        """async names => {
          const closed = [];
          for (const name of names) {
            for (const fold of document.querySelectorAll(".gallery > details")) fold.open = false;
            location.hash = name;
            await new Promise(done => addEventListener("hashchange", () => setTimeout(done), { once: true }));
            const target = document.getElementById(name);
            if (!target.checkVisibility() || !target.closest("details").open) closed.push(name);
          }
          return closed;
        }""",
        [*(group.name for group in GROUPS), *placed.values()],  # not all: a browser holds back whoever jumps too often
    )
    assert closed == []
    tab.goto(clinic + "?lesson=01#no-fresh-noise")
    assert tab.locator("#no-fresh-noise").is_visible()
    assert shown(tab) == set(MISTAKES), "the filter gave way"


@in_browser
def test_addresses_that_checks_print_lead_to_what_is_shown(site: Path, browser: "Browser") -> None:  # noqa: F811
    """With no scripts: nothing of a lesson's page is folded but the answers."""
    tab = browser.new_context(java_script_enabled=False).new_page()
    for number in sorted({lesson.number for lesson, _ in MISTAKES.values()}):
        tab.goto((site / "clinic" / f"{number}.html").as_uri())
        names = [each.name for each in mistakes_of(find_lesson(number))]
        hidden = [name for name in names if not tab.locator(f"[id='{name}']").is_visible()]
        assert hidden == []
    tab.context.close()


@in_browser
def test_complete_without_scripts(clinic: str, browser: "Browser") -> None:  # noqa: F811
    tab = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    tab.goto(clinic)
    assert not tab.locator(".gallery-filter").is_visible(), "it would do nothing"
    for group in GROUPS:
        fold = tab.locator("details", has=tab.locator(f"#{group.name}"))
        fold.locator("summary").click()
        assert fold.locator("li:visible").count() == len(mistakes_with(group))
    tab.context.close()


@in_browser
def test_back_to_top_covers_no_picture(tab: "Page", clinic: str) -> None:
    tab.goto(clinic + "#noise")
    tab.mouse.wheel(0, 1500)
    tab.wait_for_timeout(300)
    tab.mouse.wheel(0, -300)
    button, bar = tab.locator(".md-top"), tab.locator(".md-header")
    button.wait_for()
    tab.wait_for_timeout(300)
    box, within = button.bounding_box(), bar.bounding_box()
    assert box
    assert within
    assert within["y"] <= box["y"]
    assert box["y"] + box["height"] <= within["y"] + within["height"]
    button.click()
    tab.wait_for_function("scrollY === 0")
