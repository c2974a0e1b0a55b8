"""The live sampler: the networks and solvers of cdm_tutor/web/live compute what the package's do."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from cdm_tutor import consistency, guidance, refiner, sampler
from cdm_tutor.card import Build, ModelCard, usual_build
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.choices import Stage
from cdm_tutor.consistency import sample_by_jumps
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.export import MARK, WEB, encoded, export_web, weights_script
from cdm_tutor.guidance import NOT_TOLD, complete, from_sketch, guided
from cdm_tutor.pictures import half
from cdm_tutor.plots import to_pixels
from cdm_tutor.randomness import seeded
from cdm_tutor.refiner import refine
from cdm_tutor.sampler import SOLVERS, sample, spaced_timesteps
from cdm_tutor.unet import SimpleUNet, timestep_embedding
from workshop import live

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPTS = [WEB / f"{name}.js" for name in ("kernel", "layers", "network", "sampler", "noise", "guidance")]
SHIPPED = [(data, stage) for data in ("mnist", "fashion") for stage in ("unet", "refiner")]
CARD = ModelCard("mnist", "noise", "linear", 300)
NAMES = ("red <b>", "a b", '"c" & d', "x" * 100, *"efghijkl")  # of twelve classes
OTHERS = {
    "deep": replace(CARD, build=Build(20, 3, (8, 16, 32), (2, 1, 1), fold=1)),
    "folded": replace(CARD, build=Build(24, 1, (16, 24), (1, 1), fold=4, attention=False)),
    "flat": replace(CARD, build=Build(7, 1, (8,), (2,), fold=1)),
    "refiner": replace(CARD, stage="refiner", build=Build(10, 1, (24, 8), (1, 1), fold=1, attention=False)),
    "classes": replace(CARD, classes=True, build=Build(12, 1, (8, 16), (1, 1))),
    "colours": ModelCard("icons", "v", T=300, build=Build(32, 3, (8, 16), (1, 1))),
    "large": ModelCard("my photos", "v", T=300, build=Build(64, 1, (8, 16, 24), (1, 1, 1))),
    "twelve": ModelCard("my <i> things", "v", T=300, classes=True, build=Build(32, 3, (8, 16), (1, 1), 4), names=NAMES),
}
with_and_without_wasm = pytest.mark.parametrize("product", ["wasmProduct()", "plainProduct"])


def in_page(expression: str, *files: Path, product: str = "wasmProduct()") -> Any:
    """The value of a JavaScript expression, computed by node with the page's own scripts; its arrays as tensors."""
    node = shutil.which("node") or str(resources.files("playwright") / "driver" / "node")
    scripts = "\n".join(file.read_text(encoding="utf-8") for file in (*SCRIPTS, *files))
    script = f"""{scripts}
        product = {product};
        const bytes = (numbers) => Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
        const written = (_, it) => (it instanceof Float32Array ? {{ floats: bytes(it).toString("base64") }} : it);
        const floats = (base64) => new Float32Array(decode(base64).buffer);
        process.stdout.write(JSON.stringify({expression}, written));"""
    done = subprocess.run([node, "-"], input=script, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, object_hook=_tensor)


def _tensor(read: dict[str, Any]) -> Any:
    return (
        torch.frombuffer(bytearray(base64.b64decode(read["floats"])), dtype=torch.float32) if "floats" in read else read
    )


def watched(network: SimpleUNet, x_t: Tensor, t: int) -> dict[str, Tensor]:
    """What comes out of each layer, and, as "out", of the network."""
    seen: dict[str, Tensor] = {}
    names = ["conv_in", "middle1", "attention", "middle2", "conv_out"]
    for part in ("down", "up"):
        names += [f"{part}.{number}" for number, _ in network.get_submodule(part).named_children()]
    hooks = [
        network.get_submodule(name).register_forward_hook(lambda _, inputs, out, name=name: seen.update({name: out}))
        for name in names
    ]
    with torch.no_grad():
        seen["out"] = network(x_t, torch.tensor([t]))
    for hook in hooks:
        hook.remove()
    return seen


def untrained(card: ModelCard) -> Trained:
    """A network with weights of no use that half precision can hold, none of them 0."""
    network = card.make_network()
    for i, parameter in enumerate(network.parameters()):
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 10
        parameter.data = (torch.randn(parameter.shape, generator=seeded(i)) / fan_in**0.5).half().float()
    return Trained(network, card)


@pytest.fixture(scope="module")
def live_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The networks of the package as scripts, as the site has them."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "live").mkdir()
    for name, text in live.scripts().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "live"


def compare(trained: Trained, name: str, file: Path, product: str) -> None:
    """Every layer, at three steps."""
    network, shape = trained.network, trained.card.built.shape
    x_t = torch.randn(1, *shape, generator=seeded(5))
    steps = [0, 120, 299]
    call = f"""((network, seen) => ({{ out: network.forward(
        {{ data: floats("{encoded(x_t)}"), shape: {list(shape)} }}, t,
        (name, image) => (seen[name] = image)), ...seen }}))(unpack(NETWORKS["{name}"]).network, {{}})"""
    for t, found in zip(steps, in_page(f"{steps}.map((t) => {call})", file, product=product), strict=True):
        expected = watched(network, x_t, t)
        if isinstance(network.attention, torch.nn.Identity):
            del expected["attention"]
        assert found.keys() == expected.keys()
        for layer, image in expected.items():
            assert found[layer]["shape"] == list(image.shape[1:])
            assert_close(
                found[layer]["data"], image.flatten(), rtol=1e-4, atol=1e-4, msg=partial("{}: {}".format, layer)
            )


@with_and_without_wasm
@pytest.mark.parametrize(("data", "stage"), SHIPPED, ids="-".join)
def test_every_layer_of_the_shipped_networks(data: str, stage: Stage, product: str, live_files: Path) -> None:
    name = data if stage == "unet" else f"{data}-refiner"
    compare(load_weights(shipped_weights(data, stage)), name, live_files / f"{name}.js", product)


@with_and_without_wasm
@pytest.mark.parametrize("name", OTHERS)
def test_every_layer_of_other_architectures(name: str, product: str, tmp_path: Path) -> None:
    trained = untrained(OTHERS[name])
    file = tmp_path / "network.js"
    file.write_text(weights_script(name, trained))
    compare(trained, name, file, product)


@with_and_without_wasm
@pytest.mark.parametrize("name", ["classes", "twelve"])
def test_each_label(name: str, product: str, tmp_path: Path) -> None:
    """Told or not, a network with classes answers as PyTorch's; and two labels are two answers."""
    trained = untrained(OTHERS[name])
    labels, shape = [NOT_TOLD, 0, 3, len(trained.card.class_names) - 1], trained.card.built.shape
    file = tmp_path / "network.js"
    file.write_text(weights_script(name, trained))
    x_t = torch.randn(1, *shape, generator=seeded(5))
    call = f"""((network) => {labels}.map((label) => network.forward(
        {{ data: floats("{encoded(x_t)}"), shape: {list(shape)} }}, 120, undefined, label).data))"""
    found = torch.stack(in_page(f'{call}(unpack(NETWORKS["{name}"]).network)', file, product=product))
    with torch.no_grad():
        expected = trained.network(x_t.expand(4, -1, -1, -1), torch.full((4,), 120), torch.tensor(labels))
    assert_close(found, expected.flatten(1), rtol=1e-4, atol=1e-4)
    assert torch.pdist(found).min() > 0.1


def test_classes_of_a_script() -> None:
    cards = [CARD, *(replace(CARD, data=data, classes=True) for data in CLASS_NAMES), OTHERS["twelve"]]
    scripts = [weights_script("name", untrained(card)) for card in cards]
    read = [json.loads(script.partition(" = ")[2].strip().removesuffix(";")) for script in scripts]
    assert [file.get("names") for file in read] == [None, *map(list, CLASS_NAMES.values()), list(NAMES)]
    assert [len(file.get("examples", ())) for file in read] == [0, 0, 10, 0]
    images = load_sample("fashion")
    for label, example in enumerate(read[2]["examples"]):
        pixels = torch.frombuffer(bytearray(base64.b64decode(example)), dtype=torch.uint8) / 127.5 - 1
        assert (images.x0[images.labels == label].flatten(1) - pixels).abs().amax(1).min() < 0.01


def test_weights_that_half_precision_cannot_hold() -> None:
    network = SimpleUNet()
    network.conv_in.weight.data[0, 0, 0, 0] = 1e5
    with pytest.raises(ValueError, match=r"conv_in\.weight holds weights that half precision cannot"):
        weights_script("large", Trained(network, CARD))


def test_webassembly_is_used_where_there_is_some() -> None:
    assert in_page("[wasmProduct() !== null, product !== plainProduct]") == [True, True]
    without = "((there) => { delete globalThis.WebAssembly; return wasmProduct(); })()"
    assert in_page(without) is None


@pytest.mark.parametrize("T", [2, 60, 300, 1000])
def test_the_same_steps_are_visited(T: int) -> None:
    counts = sorted({1, 2, 5, 7, 16, 20, 48, T} & set(range(1, T + 1)))
    found = in_page(f"{counts}.map((steps) => spacedTimesteps({T}, steps))")
    assert found == [[list(pair) for pair in spaced_timesteps(T, steps)] for steps in counts]


def test_timestep_embedding() -> None:
    found = in_page("[0, 1, 500, 999].map((t) => timestepEmbedding(t, 128).data)")
    for t, row in zip((0, 1, 500, 999), found, strict=True):
        assert_close(row, timestep_embedding(torch.tensor([t]), 128)[0], rtol=0, atol=1e-4)


def noises(count: int, *shape: int) -> Tensor:
    return torch.randn(count, 1, *shape, generator=seeded(8))


def drawn_in_page(name: str, solver: str, steps: int, noise: Tensor, *files: Path, **how: str) -> dict[str, Tensor]:
    """The image of a solver in the page, and what the refiner makes of it; noise[0] is what it starts from."""
    walk = f"""((noise) => {{
        const steps = [...sample(unpack(NETWORKS["{name}"]), noise[0], (i) => noise[i + 1], "{solver}", {steps})];
        const second = NETWORKS["{name}-refiner"];
        const x = steps.at(-1).x_prev;
        return {{ x, refined: second ? [...refine(unpack(second), x, noise[0], 200)].at(-1).x_prev : x }};
    }})({json.dumps([encoded(each) for each in noise])}.map(floats))"""
    return in_page(walk, *files, **how)


@with_and_without_wasm
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("data", ["mnist", "fashion"])
def test_images_of_each_solver(
    data: str, solver: str, product: str, live_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same noises in both, 20 steps; and what the refiner makes of the image."""
    first, second = load_weights(shipped_weights(data)), load_weights(shipped_weights(data, "refiner"))
    noise, generator = noises(21, 1, 28, 28), torch.Generator()
    fresh = iter([*noise[1:], noise[0]])
    for module in (sampler, refiner):
        monkeypatch.setattr(module, "draw_like", lambda x, generator: next(fresh))
    prediction = first.card.prediction
    x = sample(first.network, noise[0], first.schedule, generator=generator, solver=solver, prediction=prediction)
    refined = refine(second.network, x, second.schedule, generator, 200, second.card.prediction)
    files = (live_files / f"{data}.js", live_files / f"{data}-refiner.js")
    found = drawn_in_page(data, solver, 20, noise, *files, product=product)
    assert_close(found["x"], x.flatten(), rtol=0, atol=1e-2)
    assert_close(found["refined"], refined.flatten(), rtol=0, atol=1e-2)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["folded", "colours", "large"])
def test_images_of_other_shapes_predictions_and_schedules(
    name: str, solver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = untrained(OTHERS[name])
    noise = noises(17, *trained.card.built.shape)
    fresh = iter(noise[1:])
    monkeypatch.setattr(sampler, "draw_like", lambda x, generator: next(fresh))
    generator, prediction = torch.Generator(), trained.card.prediction
    x = sample(
        trained.network, noise[0], trained.schedule, generator=generator, solver=solver, steps=16, prediction=prediction
    )
    file = tmp_path / "network.js"
    file.write_text(weights_script(name, trained))
    assert_close(drawn_in_page(name, solver, 16, noise, file)["x"], x.flatten(), rtol=0, atol=1e-2)
    assert x.std() > 0.1


# What draws with a network that is told classes: in the page, and here. model, x_T, picture and known are there.
STEERED = {
    "guided": (
        'sample(model, x_T, fresh, "dpm", 20)',
        lambda model, x_T, picture, known, schedule, **how: sample(model, x_T, schedule, **how),
    ),
    "completed": (
        "complete(model, x_T, picture, known, fresh, 8, 3)",
        lambda model, x_T, picture, known, schedule, **how: complete(
            model, x_T, picture, known, schedule, steps=8, times=3, **how
        ),
    ),
    "sketched": (
        "fromSketch(model, picture, fresh, 600, 12)",
        lambda model, x_T, picture, known, schedule, **how: from_sketch(
            model, picture, schedule, t_start=600, steps=12, **how
        ),
    ),
}


@pytest.mark.parametrize(("scale", "limits"), [(3.0, (0, 1000)), (2.0, (200, 700)), (0.0, (0, 500))])
@pytest.mark.parametrize("way", STEERED)
def test_images_that_are_steered(
    way: str, scale: float, limits: tuple[int, int], live_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same noises in both; half a four, told that it is a nine."""
    trained = load_weights(shipped_weights("mnist", classes=True))
    noise = noises(50, 1, 28, 28)
    fresh = iter(noise[1:])
    for module in (sampler, guidance):
        monkeypatch.setattr(module, "draw_like", lambda x, generator: next(fresh))
    picture, known = load_sample("mnist").x0[4005:4006], half("left")
    model = partial(guided, trained.network, labels=torch.tensor([9]), guidance_scale=scale, limits=limits)
    in_script, here = STEERED[way]
    x = here(model, noise[0], picture, known, trained.schedule, generator=seeded(0), prediction=trained.card.prediction)
    walk = f"""((noise, picture) => {{
        const model = told(unpack(NETWORKS["mnist-classes"]), 9, {scale}, {list(limits)});
        const [x_T, fresh, known] = [noise[0], (i) => noise[i + 1], picture.map((_, i) => i % 28 < 14)];
        return [...{in_script}].at(-1).x_prev;
    }})({json.dumps([encoded(each) for each in noise])}.map(floats), floats("{encoded(picture)}"))"""
    assert_close(in_page(walk, live_files / "mnist-classes.js"), x.flatten(), rtol=0, atol=1e-2)
    assert x.std() > 0.3


@pytest.mark.parametrize("steps", [1, 3])
def test_images_in_jumps(steps: int, live_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same noises in both."""
    trained = load_weights(shipped_weights("mnist"))
    noise = noises(4, 1, 28, 28)
    fresh = iter(noise[1:])
    monkeypatch.setattr(consistency, "draw_like", lambda x, generator: next(fresh))
    x = sample_by_jumps(trained.network, noise[0], trained.schedule, generator=seeded(0), steps=steps)
    drawn = f"""((noise) => {{
        const model = unpack(NETWORKS["mnist"]);
        return [...sampleByJumps(model, noise[0], (i) => noise[i + 1], {steps})].at(-1).x_prev;
    }})({json.dumps([encoded(each) for each in noise])}.map(floats))"""
    assert_close(in_page(drawn, live_files / "mnist.js"), x.flatten(), rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    ("label", "scale", "asked"),
    [(7, 3, [-1, 7, 7, 7]), (7, 1, [7, 7, 7]), (7, 0, [-1, 7, 7]), (-1, 3, [-1, -1, -1])],
)
def test_no_answer_is_asked_for_in_vain(label: int, scale: float, asked: list[int]) -> None:
    """At three steps, of which guidance acts at the first."""
    network = "{ forward: (x_t, t, watch, label) => (asked.push(label), { data: x_t, shape: [1] }) }"
    calls = f"""((asked) => {{
        const {{ network }} = told({{ network: {network} }}, {label}, {scale}, [500, 1000]);
        for (const t of [500, 1000, 499]) network.forward(new Float32Array(1), t);
        return asked;
    }})([])"""
    assert in_page(calls) == asked


def test_noise_is_standard_normal_and_the_same_each_time() -> None:
    seeds = in_page("[0, 1, 0, 4294967295].map((seed) => [0, 1, 50].map((which) => noiseOf(seed, which, 784)))")
    assert all(torch.equal(a, b) for a, b in zip(seeds[0], seeds[2], strict=True))
    rows = torch.stack([image for seed in (0, 1, 3) for image in seeds[seed]]).double()
    n = rows.numel()
    # false alarms: six standard errors each, less than one in ten million
    assert abs(rows.mean()) < 6 / n**0.5
    assert abs(rows.var() - 1) < 6 * (2 / n) ** 0.5
    assert abs(rows.pow(4).mean() - 3) < 6 * (96 / n) ** 0.5
    alike = torch.corrcoef(rows) - torch.eye(len(rows))
    assert alike.abs().max() < 6 / 784**0.5
    assert abs((rows[:, 1:] * rows[:, :-1]).mean()) < 6 / n**0.5


def test_between_two_noises() -> None:
    a, between, b = in_page(
        "((a, b) => [0, 0.3, 1].map((share) => slerp(a, b, share)))(noiseOf(1, 0, 784), noiseOf(2, 0, 784))"
    )
    assert_close(
        torch.stack(in_page("[noiseOf(1, 0, 784), noiseOf(2, 0, 784)]")), torch.stack([a, b]), rtol=0, atol=1e-6
    )
    assert 0.95 < between.norm() / (0.7 * a.norm() + 0.3 * b.norm()) < 1.05


@pytest.mark.parametrize(("data", "called"), [("mnist", "mnist"), ("my <i> things", "own"), ("start", "own")])
def test_own_data_may_have_any_name(data: str, called: str, tmp_path: Path) -> None:
    """It is no file's, and no tag in the page."""
    trained = untrained(ModelCard(data))
    refiner = untrained(ModelCard(data, stage="refiner"))
    page = export_web(tmp_path / "page", trained, refiner)
    written = {file.name for file in page.parent.iterdir()} - {file.name for file in WEB.iterdir()}
    assert written == {f"{called}.js", f"{called}-refiner.js", MARK}
    assert (page.parent / "start.js").read_bytes() == (WEB / "start.js").read_bytes()
    text = page.read_text(encoding="utf-8")
    assert f'data-networks="{called}" ' in text
    assert "<i>" not in text


def test_a_refiner_of_other_images(tmp_path: Path) -> None:
    refiner = untrained(ModelCard("icons", stage="refiner"))
    with pytest.raises(ValueError, match="mends images of 28 x 28 in grey, the network draws images of 32 x 32 in col"):
        export_web(tmp_path / "page", untrained(OTHERS["colours"]), refiner)


@pytest.fixture
def tab() -> Iterator["Page"]:
    """A page of a browser, still empty; at the end it has not complained."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(reduced_motion="reduce")
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        yield page
        browser.close()
    assert complaints == []


def said(tab: "Page", text: str) -> None:
    tab.locator("[role=status]", has_text=text).wait_for()


def painted(tab: "Page", figure: int) -> Tensor:
    """(3, H, W) bytes: the colours of the canvas in a figure."""
    canvas = tab.locator("figure").nth(figure).locator("canvas")
    pixels = canvas.evaluate("it => [...it.getContext('2d').getImageData(0, 0, it.width, it.height).data]")
    width = canvas.evaluate("it => it.width")
    return torch.tensor(pixels).view(-1, width, 4).permute(2, 0, 1)[:3]


@pytest.mark.browser
@pytest.mark.parametrize(("stage", "done"), [("unet", "20 steps of dpm"), ("consistency", "one jump")])
def test_a_page_in_colours(stage: Stage, done: str, tmp_path: Path, tab: "Page") -> None:
    page = export_web(tmp_path / "page", untrained(replace(OTHERS["colours"], stage=stage)))
    tab.goto(page.as_uri())
    said(tab, done)
    for figure in range(2):  # x_t and the image, or the image and the map, of which the first tile is there
        red, green, blue = painted(tab, figure)[:, :32, :32].float()
        assert min((red - green).abs().mean(), (green - blue).abs().mean(), (blue - red).abs().mean()) > 10
    assert tab.locator("h1").inner_text() == "A network that draws icons"


@pytest.mark.browser
def test_a_page_of_own_classes(tmp_path: Path, tab: "Page") -> None:
    """In colours, and with names that are no HTML; what is drawn is white, and stays."""
    refiner = replace(OTHERS["twelve"], stage="refiner", classes=False, build=usual_build(32, 3, refiner=True))
    tab.goto(export_web(tmp_path / "page", untrained(OTHERS["twelve"]), untrained(refiner)).as_uri())
    said(tab, "told h, guidance 2: 20 steps and two of the refiner")
    told = painted(tab, 1)
    tab.get_by_label("refine").uncheck()
    said(tab, "told h, guidance 2: 20 steps,")
    assert (painted(tab, 1) != told).any()
    assert tab.locator("h1").inner_text() == "A network that draws my <i> things"
    assert tab.locator(".classes .key").all_inner_texts() == ["any", *NAMES]
    noise = torch.tensor([*tab.evaluate("[...noiseOf(2, 0, 3 * 32 * 32)]")]).view(3, 32, 32)
    assert (painted(tab, 0) - to_pixels(noise).int()).abs().max() <= 1
    told = painted(tab, 1)
    tab.get_by_role("radio", name="red <b>", exact=True).check(force=True)
    said(tab, "told red <b>, guidance 2: 20 steps")
    assert (painted(tab, 1) != told).any()
    tab.locator("figure canvas").nth(2).click()
    said(tab, "drawn by hand, all that is drawn: finished, told red <b>")
    pad, result = painted(tab, 2), painted(tab, 3)
    assert (pad[:, 15:17, 15:17] > 200).all()
    assert (result[:, 15:17, 15:17] > 200).all()
    assert (result[0] != result[1]).any()
    tab.get_by_label("make something of it").check()
    said(tab, "drawn by hand, noised to t = 180: made of it, told red <b>")
    assert (painted(tab, 3) != result).any()
