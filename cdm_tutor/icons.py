"""A data set to try out a folder of your own images with: icons in colours, a sub-folder for each class.

    python -m cdm_tutor.icons FOLDER [--n 500] [--size 32] [--seed 0]

The icons are symbols of the font DejaVu Sans, which comes with matplotlib. The font is free to use, to copy and to
change; its licence, LICENSE_DEJAVU, lies beside it.
"""

import argparse
from collections.abc import Iterator
from colorsys import hls_to_rgb
from functools import cache
from pathlib import Path
from random import Random

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from rich.progress import track

ICONS = {
    "anchor": "\N{ANCHOR}",
    "cat": "\N{CAT FACE}",
    "clover": "\N{SHAMROCK}",
    "flower": "\N{BLACK FLORETTE}",
    "heart": "\N{BLACK HEART SUIT}",
    "knight": "\N{BLACK CHESS KNIGHT}",
    "note": "\N{BEAMED EIGHTH NOTES}",
    "plane": "\N{AIRPLANE}",
    "snowflake": "\N{SNOWFLAKE}",
    "star": "\N{BLACK STAR}",
    "sun": "\N{BLACK SUN WITH RAYS}",
    "umbrella": "\N{UMBRELLA}",
}
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
FINER = 8  # an icon is drawn so many times as large, then scaled down: its edges are smooth
LEAST_CONTRAST = 3.0  # of an icon on its ground, as signs on web pages should have

Colour = tuple[int, int, int]
Range = tuple[float, float]
Colours = tuple[Range, Range, Range]  # hue, lightness and saturation, each within 0 to 1

# of the ground, and of the icon on it
PALE: tuple[Colours, Colours] = ((0, 1), (0.88, 0.97), (0.4, 0.9)), ((0, 1), (0.4, 0.55), (0.75, 1))
NIGHT: tuple[Colours, Colours] = ((0.45, 0.92), (0.1, 0.2), (0.3, 0.7)), ((0, 1), (0.55, 0.72), (0.75, 1))


@cache
def symbol(name: str, height: int) -> Image.Image:
    """How the font draws an icon, white on black, and no more than its ink."""
    font = ImageFont.truetype(str(FONT), height, layout_engine=ImageFont.Layout.BASIC)
    sheet = Image.new("L", (2 * height, 2 * height))
    ImageDraw.Draw(sheet).text((height // 2, height // 2), ICONS[name], fill=255, font=font)
    return sheet.crop(sheet.getbbox())


def luminance(colour: Colour) -> float:
    """How bright a colour is to the eye, from 0 to 1: the relative luminance of sRGB, with 2.2 for its whole curve."""
    return sum(share * (value / 255) ** 2.2 for share, value in zip((0.2126, 0.7152, 0.0722), colour, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    """How well one colour is seen on the other: 1 not at all, 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def draw_colour(colours: Colours, chance: Random) -> Colour:
    """One of these colours."""
    red, green, blue = hls_to_rgb(*(chance.uniform(*extremes) for extremes in colours))
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_colours(chance: Random) -> tuple[Colour, Colour]:
    """A plain ground, pale or as the sky at night, and a bright colour that is seen well on it."""
    grounds, inks = chance.choice((PALE, NIGHT))
    ground = draw_colour(grounds, chance)
    while True:
        ink = draw_colour(inks, chance)
        if contrast(ground, ink) >= LEAST_CONTRAST:
            return ground, ink


def draw_icon(name: str, size: int, chance: Random) -> Image.Image:
    """One image: the icon turned a little, smaller or larger, and not quite in the middle."""
    side = FINER * size
    turned = symbol(name, side).rotate(chance.uniform(-20, 20), Image.Resampling.BICUBIC, expand=True)
    turned = turned.crop(turned.getbbox())
    scale = chance.uniform(0.65, 0.88) * side / max(turned.size)
    ink = turned.resize((round(scale * turned.width), round(scale * turned.height)), Image.Resampling.BICUBIC)
    shape = Image.new("L", (side, side))
    left, top = (round(chance.uniform(0.3, 0.7) * (side - length)) for length in ink.size)
    shape.paste(ink, (left, top))
    ground, colour = draw_colours(chance)
    image = Image.new("RGB", (size, size), ground)
    image.paste(colour, mask=shape.reduce(FINER))
    return image


def write_icon(path: Path, size: int, seed: int) -> Path:
    """Draw one image to a file; its folder is its class. Its name and the seed decide everything."""
    name = path.parent.name
    draw_icon(name, size, Random(f"{seed} {name} {path.stem}")).save(path)
    return path


def make_icons(folder: Path, n: int = 500, size: int = 32, seed: int = 0) -> Iterator[Path]:
    """Write n PNGs of each class to a folder: one for each path that is asked for. The first are the same for any n.

    Raises:
        ValueError: if n or size is out of range, or the folder is not empty.
        OSError: if nothing can be written there.
    """
    if n < 1 or not 8 <= size <= 512:
        raise ValueError(f"expected at least 1 image a class, of 8 to 512 pixels, got {n} of {size}")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty: name another folder, or one that does not exist yet")
    for name in ICONS:
        (folder / name).mkdir(parents=True)
    return (write_icon(folder / name / f"{i:05d}.png", size, seed) for name in ICONS for i in range(n))


def main() -> None:
    """Run the command line; bad input ends with one line and exit code 2."""
    parser = argparse.ArgumentParser("python -m cdm_tutor.icons", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to; made if need be")
    parser.add_argument("--n", type=int, default=500, help="images of each class (default: 500)")
    parser.add_argument("--size", type=int, default=32, help="their side in pixels (default: 32)")
    parser.add_argument("--seed", type=int, default=0, help="same seed: same images (default: 0)")
    asked = parser.parse_args()
    try:
        files = make_icons(asked.folder, asked.n, asked.size, asked.seed)
        n = sum(1 for _ in track(files, "drawing icons", total=asked.n * len(ICONS)))
    except (ValueError, OSError) as error:
        parser.exit(2, f"icons: {error}\n")
    print(f"Wrote {n} icons in {len(ICONS)} classes to {asked.folder}")


if __name__ == "__main__":
    main()
