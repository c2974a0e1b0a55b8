"""The live sampler in a browser on one core: seconds for an image, and what the pages weigh.

Needs chromium, and firefox for the numbers of the network that is told classes in both.

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
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from playwright.sync_api import Browser, Page, Request, sync_playwright

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.export import export_web
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
CORE = 0
STEPS = 20
REPEATS = 7
PAGES = (
    "index.html", "lessons/03-u-net.html", "lessons/04-sampler.html", "lessons/05-refiner.html",
    "lessons/07-guidance.html", "lessons/08-consistency.html",
)  # fmt: skip
SETS = ("mnist", "fashion")
GUIDED = {  # what is timed of a network that is told classes: its usual image, and the one while the slider moves
    "chosen": f'[...sample(told(unet, 7, 3), noiseOf(2, 0, 784), (i) => noiseOf(2, i + 1, 784), "dpm", {STEPS}, 0)]',
    "redraw": '[...sample(told(unet, 7, 3), noiseOf(2, 0, 784), (i) => noiseOf(2, i + 1, 784), "dpm", 10, 0)]',
}
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
            "jump": seconds(tab, "[...sampleByJumps(unet, noiseOf(2, 0, 784), () => 0, 1)]"),
        }
        tab.evaluate("void (product = plainProduct)")  # of a function it would be the value that it returns
        result["without_wasm"] = seconds(tab, walk)
        context.close()
    return {name: round(value, 3) for name, value in result.items()}


TIMED = f"""
    async function timed() {{
        globalThis.unet = unpack(Object.values(NETWORKS)[0]);
        const times = {{}};
        const walks = {{ {", ".join(f"{name}: () => {walk}" for name, walk in GUIDED.items())} }};
        for (const [name, walk] of Object.entries(walks)) {{
            const took = [];
            for (let i = 0; i <= {REPEATS}; i++) {{
                const begun = performance.now();
                walk();
                took.push((performance.now() - begun) / 1000);
                await new Promise((resolve) => setTimeout(resolve)); // or Firefox takes the page for one that hangs
            }}
            times[name] = took.slice(1).sort((a, b) => a - b)[{REPEATS // 2}];
        }}
        return times;
    }}
"""


def guided_in_chromium(browser: Browser, page: Path) -> dict[str, float]:
    """Seconds for each of GUIDED."""
    tab = browser.new_page()
    tab.goto(page.as_uri())
    tab.locator(DONE, has_text="seconds").wait_for()
    times: dict[str, float] = tab.evaluate(f"(() => {{ {TIMED} return timed(); }})()")
    tab.close()
    return times


def guided_in_firefox(page: Path) -> dict[str, float]:
    """The same. Firefox is only handed a page, which tells us its times."""
    told: list[bytes] = []
    arrived = threading.Event()

    class Listener(SimpleHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: object) -> None:
            pass

    names = ["kernel", "layers", "network", "sampler", "noise", "guidance", next(page.parent.glob("*-classes.js")).stem]
    loaded = "".join(f'<script src="{name}.js"></script>' for name in names)
    sent = "timed().then((times) => fetch('/', { method: 'POST', body: JSON.stringify(times) }));"
    (page.parent / "timed.html").write_text(f"{loaded}<script>{TIMED} {sent}</script>")
    with (
        tempfile.TemporaryDirectory() as profile,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Listener, directory=str(page.parent))) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = ["firefox", "--headless", "--no-remote", "--profile", profile]
        running = subprocess.Popen([*command, f"http://127.0.0.1:{server.server_port}/timed.html"], stderr=DEVNULL)
        arrived.wait(timeout=300)
        running.terminate()
        running.wait()
        server.shutdown()
    return dict(json.loads(told[0]))


def guided(browser: Browser, data: str) -> dict[str, dict[str, float]]:
    """In each browser: seconds for a chosen image, and how often a second the image follows the slider."""
    with tempfile.TemporaryDirectory() as folder:
        page = export_web(Path(folder) / "page", load_weights(shipped_weights(data, classes=True)))
        times = {"Chromium": guided_in_chromium(browser, page)}
        if shutil.which("firefox"):
            times["Firefox"] = guided_in_firefox(page)
    return {
        name: {"chosen": round(its["chosen"], 3), "redraws": round(1 / its["redraw"], 1)} for name, its in times.items()
    }


def weights(browser: Browser) -> dict[str, dict[str, int]]:
    """The bytes of each page with a live sampler: as it opens, and what its button adds."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        for name in PAGES:
            tab = browser.new_page()
            loaded: list[Request] = []
            tab.on("request", partial(noted, loaded))
            tab.goto((Path(folder) / name).as_uri())
            tab.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(image => image.loading = 'eager')")
            tab.wait_for_load_state("networkidle")
            before = total(loaded)
            tab.get_by_role("button", name="Draw one here").click()
            tab.locator(DONE, has_text="second").wait_for()
            found[name] = {"page": before, "button": total(loaded) - before}
            tab.close()
    return found


def noted(loaded: list[Request], request: Request) -> None:
    loaded.append(request)


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
        results["guided"] = guided(browser, "mnist")
        results["bytes"] = weights(browser)
        browser.close()
    path = ROOT / "benchmarks" / "results" / "live.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
