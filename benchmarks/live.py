"""The live sampler in a browser on one core: seconds for an image, and what the pages weigh. Needs chromium.

    python -m benchmarks.live

Writes benchmarks/results/live.json.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Request, sync_playwright

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.export import export_web
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
CORE = 0
STEPS = 20
REPEATS = 7
PAGES = ("index.html", "lessons/03-u-net.html", "lessons/04-sampler.html", "lessons/05-refiner.html")
SETS = ("mnist", "fashion")
DONE = ".live-sampler [role=status]"


def seconds(tab: Page, walk: str) -> float:
    """The median of what a walk takes, the first, in which the browser still compiles, left out."""
    took = f"((begun) => ({walk}, performance.now() - begun))(performance.now())"
    return statistics.median([tab.evaluate(took) / 1000 for _ in range(REPEATS + 1)][1:])


def speed(browser: Browser, data: str) -> dict[str, float]:
    """Seconds for an image: of the sampler, with plain JavaScript, of the refiner; and from opening the page."""
    with tempfile.TemporaryDirectory() as folder:
        refiner = load_weights(shipped_weights(data, "refiner"))
        page = export_web(Path(folder) / "page", load_weights(shipped_weights(data)), refiner)
        context = browser.new_context(reduced_motion="reduce")
        tab = context.new_page()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.locator(DONE, has_text="refiner").wait_for()
        opened = tab.evaluate("performance.now()") / 1000
        tab.evaluate(
            f"globalThis.unet = unpack(NETWORKS.{data}), globalThis.second = unpack(NETWORKS['{data}-refiner'])"
        )
        noise = "noiseOf(2, 0, 784), (i) => noiseOf(2, i + 1, 784)"
        walk = f"[...sample(unet, {noise}, 'dpm', {STEPS})]"
        result = {
            "sampler": seconds(tab, walk),
            "refiner": seconds(tab, "[...refine(second, noiseOf(3, 0, 784), noiseOf(2, 0, 784), 200)]"),
            "opened": opened,
        }
        tab.evaluate("product = plainProduct")
        result["without_wasm"] = seconds(tab, walk)
        context.close()
    return {name: round(value, 3) for name, value in result.items()}


def weights(browser: Browser) -> dict[str, dict[str, int]]:
    """The bytes of each page with a live sampler: as it opens, and what its button adds."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        for name in PAGES:
            tab = browser.new_page()
            loaded: list[Request] = []
            tab.on("request", loaded.append)
            tab.goto((Path(folder) / name).as_uri())
            tab.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(image => image.loading = 'eager')")
            tab.wait_for_load_state("networkidle")
            before = total(loaded)
            tab.get_by_role("button", name="Draw one here").click()
            tab.locator(DONE, has_text="seconds").wait_for()
            found[name] = {"page": before, "button": total(loaded) - before}
            tab.close()
    return found


def total(loaded: list[Request]) -> int:
    files = {Path(request.url.removeprefix("file://")) for request in loaded}
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {CORE})  # and with it all that is started from here
    results: dict[str, Any] = {**machine(), "steps": STEPS}
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        results["browser"] = f"Chromium {browser.version}"
        results["seconds"] = {data: speed(browser, data) for data in SETS}
        results["bytes"] = weights(browser)
        browser.close()
    path = ROOT / "benchmarks" / "results" / "live.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
