"""The schedule explorer of the site: what its page computes is what the package computes."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from cdm_tutor.data import load_sample
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.schedule import NoiseSchedule, cosine_betas, linear_betas, make_schedule
from workshop.explorer import explorer_data

PAGE = Path(__file__).parent.parent / "docs" / "site" / "explorer"
SETTINGS = [("linear", T, 0.008) for T in (1, 2, 10, 19, 20, 50, 200, 1000, 4000)]
SETTINGS += [("cosine", T, offset) for T in (1, 2, 10, 50, 1000, 4000) for offset in (0.0, 0.002, 0.008, 0.1)]


def in_page(expression: str) -> Any:
    """The value of a JavaScript expression, computed by node with the page's own functions and data."""
    node = shutil.which("node") or str(files("playwright") / "driver" / "node")
    scripts = explorer_data() + (PAGE / "schedule.js").read_text(encoding="utf-8")
    script = f"{scripts}\nprocess.stdout.write(JSON.stringify({expression}));"
    done = subprocess.run([node, "-"], input=script, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def curves() -> list[Any]:
    """For each of the settings: betas, alpha_bar and log-SNR, as the page computes them."""
    formulas = "{ linear: linearBetas, cosine: cosineBetas }[name](T, offset)"
    tables = f"(betas => [betas, alphasCumprod(betas), alphasCumprod(betas).map(logSnr)])({formulas})"
    return in_page(f"{json.dumps(SETTINGS)}.map(([name, T, offset]) => {tables})")


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_curves_are_those_of_the_package(setting: tuple[str, int, float], curves: list[Any]) -> None:
    name, T, offset = setting
    expected = linear_betas(T) if name == "linear" else cosine_betas(T, offset)
    schedule = NoiseSchedule.from_betas(expected)
    betas, alpha_bar, log_snr = (torch.tensor(table, dtype=torch.float64) for table in curves[SETTINGS.index(setting)])
    assert_close(betas, expected, rtol=1e-9, atol=0)
    assert_close(alpha_bar, schedule.alphas_cumprod.double(), rtol=1e-6, atol=0)
    assert_close(log_snr, schedule.log_snr.double(), rtol=1e-6, atol=1e-6)


def test_images_are_those_of_the_samples() -> None:
    images, decoded = in_page("[EXPLORER.images, EXPLORER.images.map(decodeImage)]")
    assert {image["data"] for image in images} == {"mnist", "fashion"}
    for image, pixels in zip(images, decoded, strict=True):
        x0 = load_sample(image["data"]).x0[image["place"]]
        assert_close(torch.tensor(pixels).reshape(x0.shape), x0, rtol=0, atol=1e-6)


def test_image_is_noised_as_by_the_package() -> None:
    """The noise is rounded for the page: it may be off by half of the unit it is stored in."""
    x0 = load_sample("mnist").x0[in_page("EXPLORER.images[0].place")][None]
    noise = torch.tensor(in_page("decodeNoise(EXPLORER)")).reshape(x0.shape)
    assert_close(noise, torch.randn(x0.shape, generator=seeded(2)), rtol=0, atol=0.5001 / 4096)
    schedule = make_schedule("cosine")
    for t in (0, 250, 499, 999):
        alpha_bar_t = f"alphasCumprod(cosineBetas(1000, 0.008))[{t}]"
        found = in_page(f"qSample(decodeImage(EXPLORER.images[0]), decodeNoise(EXPLORER), {alpha_bar_t})")
        expected = q_sample(x0, torch.tensor([t]), noise, schedule)
        assert_close(torch.tensor(found).reshape(x0.shape), expected, rtol=0, atol=1e-6)
