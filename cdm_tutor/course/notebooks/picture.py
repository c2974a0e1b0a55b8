"""A page's picture as a notebook can hold it: pixels, in an address that is the picture itself.

Colab shows neither attachments of a cell nor SVG, so a chart is drawn in pixels, on white: a notebook may be dark.
"""

import base64
import io
from functools import cache
from pathlib import Path

import matplotlib
import resvg_py
from PIL import Image

CSS_INCH = 96  # pixels
SHARP = 1.5  # pixels of a chart for one of the page
COLOURS = 64  # of a chart


@cache
def address(path: Path) -> str:
    """A data URI of a picture: WebP and PNG as they are, SVG drawn as PNG."""
    kind, content = path.suffix.removeprefix("."), path.read_bytes()
    if kind == "svg":
        kind, content = "png", drawn(content.decode())
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def drawn(svg: str) -> bytes:
    """A chart as PNG, in the font that it was laid out with."""
    font = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    png = resvg_py.svg_to_bytes(
        svg_string=svg,
        background="white",
        dpi=CSS_INCH,
        zoom=SHARP,
        skip_system_fonts=True,
        font_files=[str(font)],
        sans_serif_family="DejaVu Sans",
    )
    small = io.BytesIO()
    Image.open(io.BytesIO(bytes(png))).convert("RGB").quantize(COLOURS).save(small, "PNG")
    return small.getvalue()
