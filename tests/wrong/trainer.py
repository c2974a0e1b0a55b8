"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {}
