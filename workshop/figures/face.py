"""The site's face: a digit that comes out of noise from left to right, as logo, favicon and card for social media."""

import torch
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from cdm_tutor.data import load_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.schedule import make_schedule
from workshop.drawing import written
from workshop.places import DOCS

SIDE = 10  # pixels of the logo
NUMBER, SEED = 2003, 3
DROWNED, CLEAR = 0.75, 6  # how far through the steps the first column is, and from which on there is no noise
GROUND, INK = (20, 33, 61), (255, 201, 77)  # of the palette in course.css
SOCIAL = (1200, 630)  # pixels, what most networks ask for


def digit(number: int) -> Tensor:
    """One of the package's digits, in the logo's pixels, from -1 to 1."""
    image = load_sample("mnist").x0[number : number + 1, :, 3:25, 4:24]
    return nn.functional.adaptive_avg_pool2d(image, (SIDE, SIDE))[0, 0].mul(1.25).clamp(-1, 1)


def dissolved(x0: Tensor, seed: int) -> Tensor:
    """(SIDE, SIDE): noised as in lesson 2, the first column most."""
    schedule = make_schedule("cosine")
    depth = DROWNED * (1 - torch.arange(SIDE) / CLEAR).clamp(min=0)
    alpha_bar = schedule.alphas_cumprod[depth.mul(len(schedule.betas)).long()]
    noise = torch.randn(SIDE, SIDE, generator=seeded(seed))
    return (alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise).clamp(-1, 1)


def colour(value: float) -> str:
    """From the ground, at -1, to the ink, at 1."""
    share = (value + 1) / 2
    return "#" + "".join(f"{round(low + share * (high - low)):02x}" for low, high in zip(GROUND, INK, strict=True))


def svg(pixels: Tensor, margin: float) -> str:
    """A square with round corners, and the pixels in it."""
    whole = SIDE + 2 * margin
    squares = "".join(
        f'<path fill="{colour(value)}" d="M{column + margin:g} {row + margin:g}h1v1h-1z"/>'
        for row, line in enumerate(pixels.tolist())
        for column, value in enumerate(line)
        if colour(value) != colour(-1)
    )
    ground = f'<rect width="{whole:g}" height="{whole:g}" rx="{whole / 6:g}" fill="{colour(-1)}"/>'
    edges = 'shape-rendering="crispEdges"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole:g} {whole:g}" {edges}>{ground}{squares}</svg>\n'
    )


def card(pixels: Tensor) -> Image.Image:
    """The logo, large, and beside it what the course is."""
    sheet = Image.new("RGB", SOCIAL, GROUND)
    pen = ImageDraw.Draw(sheet)
    size, left, top = 43, 90, 100
    for row, line in enumerate(pixels.tolist()):
        for column, value in enumerate(line):
            x, y = left + column * size, top + row * size
            pen.rectangle((x, y, x + size - 1, y + size - 1), fill=colour(value))
    bold, plain = (
        ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans{kind}.ttf", size)
        for kind, size in (("-Bold", 64), ("", 32))
    )
    pen.text((600, 120), "cdm-tutor", INK, bold)
    said = (
        "Build a diffusion model\nfrom an empty file.\n\nOn a laptop, lesson by lesson.\nThe checks name your mistake."
    )
    pen.text((600, 230), said, "white", plain, spacing=14)
    return sheet


def main() -> None:
    pixels = dissolved(digit(NUMBER), seed=SEED)
    for name, margin in (("logo", 1.0), ("favicon", 0.5)):
        written.append(DOCS / "site" / f"{name}.svg")
        written[-1].write_text(svg(pixels, margin), encoding="utf-8")
    written.append(DOCS / "site" / "social.png")
    card(pixels).save(written[-1], optimize=True)
