"""One process at a time in a folder. The system lets go of a lock when its process ends, however it ends."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

NAME = ".lock"


def lock(folder: Path) -> IO[str]:
    """Take the lock of a folder that is there; whoever closes what is given back lets go of it.

    Raises:
        ValueError: if another process has it.
        OSError: if the folder cannot be written.
    """
    file = (folder / NAME).open("a")
    try:
        _take(file)
    except (BlockingIOError, PermissionError) as error:
        file.close()
        raise ValueError(f"another training is at work in {folder}: wait for its end, or give another --out") from error
    except OSError:
        pass  # a file system that knows no locks: as good as without
    return file


def unlock(folder: Path, file: IO[str]) -> None:
    """Let go of a folder's lock and leave no trace of it."""
    with suppress(OSError):  # where open files cannot be deleted
        (folder / NAME).unlink()
    file.close()


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[str]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
