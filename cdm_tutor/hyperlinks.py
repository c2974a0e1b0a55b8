"""Addresses in a text, as links to click on."""

import re
from typing import TextIO

from rich.console import Console

ADDRESS = re.compile(r"(?:file|https?)://[^\s\x1b]+(?<![.,;:)])")


def takes_links(stream: TextIO) -> bool:
    """Whether a stream is a terminal that shows links, or at least does not stumble over them."""
    console = Console(file=stream)
    return console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows


def linked(text: str) -> str:
    """A text whose addresses are links for a terminal (its escape sequence OSC 8)."""
    return ADDRESS.sub(lambda found: f"\033]8;;{found[0]}\033\\{found[0]}\033]8;;\033\\", text)


def say(text: str, stream: TextIO) -> None:
    """Print a text, its addresses as links where the stream takes them."""
    print(linked(text) if takes_links(stream) else text, file=stream)
