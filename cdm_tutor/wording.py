"""Numbers in sentences."""


def counted(n: float, what: str) -> str:
    """So many of a thing: counted(1, "minute") -> "1 minute"; counted(1200, "image") -> "1,200 images"."""
    number = f"{n:,}" if isinstance(n, int) else f"{n:g}"
    return f"{number} {what}" if n == 1 else f"{number} {what}s"
