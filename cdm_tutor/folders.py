"""A folder to write to, of which nothing that is not ours is ever deleted."""

import shutil
from pathlib import Path


def emptied_folder(folder: Path, mark: str, maker: str) -> None:
    """Make a folder, empty but for a file called `mark`; an older one is replaced if it has that mark.

    Args:
        folder: the folder; those above it are made, too.
        mark: the name of the file that says that the folder may be replaced.
        maker: who leaves this mark, for the error.

    Raises:
        ValueError: if the folder holds something and not the mark, or is a file.
    """
    if folder.is_file():
        raise ValueError(f"expected a folder to write to, got the file {folder}")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / mark).exists():
            raise ValueError(f"{folder} is not empty, and no {maker} made it: --out names another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / mark).touch()
