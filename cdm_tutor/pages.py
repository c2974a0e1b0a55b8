"""The course's pages on this machine, and the addresses of places on them.

In a clone they are in site/, once `make docs` has built them. A wheel holds them as an archive, without the networks
that draw on them, which it has already; `cdm-tutor site` unpacks it and writes these beside.
"""

import hashlib
import os
import shutil
import tarfile
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urljoin

ARCHIVE = Path(__file__).with_name("site.tar.xz")
CLONE = Path(__file__).parent.parent
PUBLISHED = "Documentation"  # what the package's metadata call the address of its pages


def address(place: str) -> str:
    """Where a place of the site can be opened: here, else where the site is published, else the command that opens it.

    Args:
        place: a page and what is wanted of it, "clinic/01.html#cosine-not-squared".

    Returns:
        An address; of a clone whose site was not built only the place.
    """
    if folder := here():
        page, _, anchor = place.partition("#")
        return (folder / page).as_uri() + (f"#{anchor}" if anchor else "")
    if site := published():
        return urljoin(f"{site.rstrip('/')}/", place)
    return f"cdm-tutor site {place}" if ARCHIVE.exists() else place


def here() -> Path | None:
    """The folder of the pages, if they are on this machine, ready to be opened."""
    folder = unpacked() if ARCHIVE.exists() else CLONE / "site"
    return folder if (folder / "index.html").is_file() else None


@cache
def published() -> str:
    """The address of the published site, as the package's metadata have it; "" if they have none."""
    try:
        urls = metadata("cdm-tutor").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    named = dict(url.split(", ", maxsplit=1) for url in urls)
    return named.get(PUBLISHED, "")


def open_at(place: str) -> str:
    """The address of a place of the site; what a wheel holds is unpacked first, if it was not yet.

    Raises:
        FileNotFoundError: if there is no site, or no such page on it.
        OSError: if it cannot be unpacked.
    """
    if ARCHIVE.exists() and not here():
        unpack()
    folder, page = here(), place.partition("#")[0]
    if not folder and not published():
        clone = (CLONE / "mkdocs.yml").is_file()
        how = "make docs" if clone else "in a clone, make dist builds a package that holds it, into dist/"
        raise FileNotFoundError(f"the site is not built: {how}")
    if folder and not (folder / page).is_file():
        raise FileNotFoundError(f"the site has no page {page}: expected one as checks print it, clinic/01.html")
    return address(place)


def unpacked() -> Path:
    """Where the pages of this very archive are once they are unpacked."""
    digest = hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
    return _cache() / digest[:12]


def unpack() -> None:
    """Unpack the pages and write their networks; what an older version had unpacked goes.

    Raises:
        OSError: if it cannot be written; then all is as before.
    """
    from cdm_tutor.export import weights_scripts  # torch, which an address needs not

    home, folder = _cache(), unpacked()
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home) as part:
        with tarfile.open(ARCHIVE) as archive:
            archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.3 has none
            archive.extractall(part)
        for name, script in weights_scripts():
            Path(part, "site", "live", f"{name}.js").write_text(script, encoding="utf-8")
        with suppress(FileExistsError):  # another process was faster
            Path(part, "site").rename(folder)
    for other in home.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "cdm-tutor", "site")
