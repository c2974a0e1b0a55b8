"""The site in Firefox, too: pages load and fit, and what is alive on them works."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firefox import Firefox
from tests.test_site import PAGES, address, html_of, site  # noqa: F401

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
FINDS = {
    "it scrolls sideways": "document.documentElement.scrollWidth > innerWidth",
    "a picture is missing": "[...document.images].some(each => each.offsetParent && !each.naturalWidth)",
}
ABORTED = "status=2152398850"  # a font was on its way when the next page was opened
ALL_PICTURES = """Promise.all([document.fonts.ready, ...[...document.images].map(image => {
    image.loading = "eager";
    return image.complete || new Promise(done => image.onload = image.onerror = done);
})])"""
BUTTON = "[...document.querySelectorAll('.live-sampler button')].find(each => /^Draw/.test(each.textContent))"
DRAWN = """[...document.querySelector(".live-sampler .pictures figure:nth-child(2) canvas").getContext("2d")
    .getImageData(0, 0, 28, 28).data].filter((_, place) => place % 4 === 0)"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def firefox() -> Iterator[Firefox]:
    if not FIREFOX:
        pytest.fail("no firefox on this machine (Debian: apt-get install firefox-esr)")
    with Firefox(FIREFOX) as browser:
        yield browser


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page(width: int, address: str, firefox: Firefox) -> None:  # noqa: F811
    firefox.size(width, 900)
    firefox.complaints.clear()
    found = []
    for page in PAGES:
        firefox.open(address + html_of(page))
        firefox.run(ALL_PICTURES)
        found += [f"{html_of(page)}: {fault}" for fault, script in FINDS.items() if firefox.run(script)]
    assert (found, [each for each in firefox.complaints if ABORTED not in each]) == ([], [])


def test_live_sampler_draws(site: Path, firefox: Firefox) -> None:  # noqa: F811
    """From the disk, where a browser forbids much."""
    firefox.open((site / "index.html").as_uri())
    firefox.run(f"{BUTTON}.click()")
    firefox.wait("/20 steps/.test(document.querySelector('.live-sampler [role=status]')?.textContent)")
    image = firefox.run(DRAWN)
    assert sum(grey < 50 for grey in image) > 200
    assert sum(grey > 200 for grey in image) > 20


def test_explorer_follows_its_sliders(address: str, firefox: Firefox) -> None:  # noqa: F811
    firefox.open(f"{address}lessons/01-noise-schedule.html")
    moved = """(() => {
        const slider = [...document.querySelectorAll(".schedule-explorer [type=range]")].at(-1);
        const seen = () => document.querySelector(".schedule-explorer canvas").toDataURL();
        const first = seen();
        slider.value = slider.value === slider.max ? slider.min : slider.max;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        return seen() !== first;
    })()"""
    assert firefox.run(moved)
