"""Files and folders that are written whole or not at all: a full disk or a crash leaves what was there before.

Whatever is written is written beside its place first and then renamed. Nothing that is not ours is ever deleted.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file; what was written there takes its place at the end.

        with whole(path) as part:
            part.write_text(page)

    The name ends in .part: who writes pictures must say of what kind. Devices and pipes are written to as they are.

    Args:
        path: the file; its folder must exist. If it is a link, what it leads to is written.

    Raises:
        OSError: if it cannot be written.
    """
    try:
        place = path.resolve()
        as_it_is = path.is_relative_to("/dev") or (place.exists() and not place.is_file())
        part = path if as_it_is else place.with_name(place.name + ".part")
        try:
            yield part
            if not as_it_is:
                part.replace(place)
        finally:
            if not as_it_is:
                with suppress(OSError):
                    part.unlink()
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors have errors of their own
        raise OSError(f"could not write {path} (what was there before is whole): {error}") from error


def try_out(path: Path) -> None:
    """Make the folder of a file to write, and try the file, before the work that would be lost if it failed.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    with path.open("ab"):
        pass
    if not there:
        path.unlink()


@contextmanager
def whole_folder(folder: Path, mark: str, maker: str) -> Iterator[Path]:
    """Where to write what a folder is to hold; at the end it takes the place of all that an older one held.

    Args:
        folder: the folder; those above it are made, too.
        mark: the name of the file that says that the folder may be replaced.
        maker: who leaves this mark, for the error.

    Raises:
        ValueError: if the folder holds something and not the mark, or is a file.
        OSError: if it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"expected a folder to write to, got the file {folder}")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).exists():
        raise ValueError(f"{folder} is not empty, and no {maker} made it: --out names another folder")
    part, older = folder / ".part", folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / mark).touch()
        _remove(part)
        part.mkdir()
        yield part
        made = {path.name for path in part.iterdir()}
        for name in made:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
            (part / name).replace(folder / name)
        for path in folder.iterdir():
            if path.name not in {mark, *made}:
                _remove(path)
    except BaseException as error:
        shutil.rmtree(part if older else folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise OSError(f"could not write {folder} (what was there before is whole): {error}") from error
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
