"""Commands as one would type them."""

import os
import shlex
import subprocess


def typed(*words: object) -> str:
    """A command of these words, quoted as the shell of this system wants it: typed("mv", "a b", "c") -> mv 'a b' c."""
    texts = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)
