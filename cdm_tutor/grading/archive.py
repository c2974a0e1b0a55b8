"""Zips from strangers: nothing is ever unpacked, single members are read, after all names were looked at."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

LARGEST_ZIP = 256 << 20  # bytes; a course folder has some hundred kilobytes, with trained weights a few megabytes
LARGEST_WHOLE = 2 << 30  # bytes that all members together would unpack to
MOST = 20_000  # members
NOT_THEIRS = {"__MACOSX", "__pycache__", "site-packages", "node_modules"}  # folders


class NotGraded(Exception):
    """A submission that cannot be graded: why, in a line."""


def is_archive(path: Path) -> bool:
    """Whether it is called a zip; if it is none, reading it says so."""
    return path.suffix.lower() == ".zip"


def contents(path: Path) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The members of a zip that can be lessons' files, by path.

    Raises:
        NotGraded: if it is damaged, too large, or has members that lead out of it.
    """
    if path.stat().st_size > LARGEST_ZIP:
        raise NotGraded(f"{path.name} is larger than {LARGEST_ZIP >> 20} MB")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise NotGraded(f"{path.name} is no zip, or damaged: {error}") from None
    if len(members) > MOST:
        raise NotGraded(f"{path.name} has more than {MOST:,} members")
    if (whole := sum(member.file_size for member in members)) > LARGEST_WHOLE:
        raise NotGraded(f"{path.name} would unpack to {whole / 2**30:.0f} GB")
    found = {}
    for member in members:
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or ":" in inside.parts[0:1]:
            raise NotGraded(f"{path.name} has a member that leads out of it: {member.filename!r}")
        if not (NOT_THEIRS & set(inside.parts)) and inside.suffix == ".py":
            found[inside] = member
    return found


def read_member(path: Path, member: zipfile.ZipInfo, largest: int) -> bytes:
    """The content of a member.

    Raises:
        NotGraded: if it is a link, encrypted, damaged or too large.
    """
    if stat.S_ISLNK(member.external_attr >> 16):
        raise NotGraded(f"{member.filename} in {path.name} is a symbolic link: put the file itself into the zip")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            content = file.read(largest + 1)
    except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, ValueError, zlib.error) as error:
        raise NotGraded(f"{member.filename} in {path.name} cannot be read: {error}") from None
    if len(content) > largest:
        raise NotGraded(f"{member.filename} in {path.name} is larger than {largest >> 20} MB, as no lesson's file is")
    return content
