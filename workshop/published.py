"""Where the course is published, which two lines of mkdocs.yml say, and what follows from it: how to get it, to cite
it, to report. As long as they are not set, all of this does without addresses.
"""

import json
import re
from pathlib import Path

from mkdocs.utils.yaml import yaml_load

from cdm_tutor import __version__
from workshop.places import ROOT
from workshop.product import Product

MKDOCS = ROOT / "mkdocs.yml"
CITATION = ROOT / "CITATION.cff"
TITLE = "cdm-tutor: build a diffusion model from an empty file"
AUTHORS = "The cdm-tutor authors"  # as LICENSE has it


def address(name: str) -> str:
    """What mkdocs.yml or the environment says of "site_url" or "repo_url"; "" where neither does."""
    with MKDOCS.open("rb") as file:
        return str(yaml_load(file)[name]).rstrip("/")


def released() -> str:
    """The day on which this version came out, from CHANGELOG.md.

    Raises:
        ValueError: if it does not know this version.
    """
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if found := re.search(rf"^## {re.escape(__version__)} - (\d{{4}}-\d\d-\d\d)$", text, re.MULTILINE):
        return found[1]
    raise ValueError(f'CHANGELOG.md has no heading "## {__version__} - YYYY-MM-DD"')


def clone() -> str:
    """How to get the repository."""
    if not (repository := address("repo_url")):
        return "Clone the repository with git, from where you found it, and change into its folder."
    folder = repository.rsplit("/", 1)[-1].removesuffix(".git")
    return f"```sh\ngit clone {repository}\ncd {folder}\n```"


def report_part() -> str:
    """Where a mistake in the course is told of, to stand in a sentence."""
    if not (repository := address("repo_url")):
        return "Open an issue where you found the repository.\n"
    issues = f"{repository}/issues"
    return f"Open an issue at [{issues.removeprefix('https://')}]({issues}).\n"


def version_part() -> str:
    """The version, and since when it is there."""
    return f"This is version {__version__}, of {released()}.\n"


def cite_part() -> str:
    """The entry for a list of references, as BibTeX has it."""
    where = address("repo_url") or address("site_url")
    fields = {"author": f"{{{AUTHORS}}}", "title": TITLE, "version": __version__, "year": released()[:4]}
    lines = [f"  {name:<8}= {{{text}}}," for name, text in (fields | ({"url": where} if where else {})).items()]
    return "```bibtex\n" + "\n".join(["@software{cdm-tutor,", *lines, "}"]) + "\n```\n"


def parts() -> dict[str, str]:
    """What pages include, by name."""
    return {"clone": clone() + "\n", "report": report_part(), "version": version_part(), "cite": cite_part()}


def citation() -> str:
    """CITATION.cff, which a forge and a reference manager read."""
    addresses = {"repository-code": address("repo_url"), "url": address("site_url")}
    more = "".join(f"{name}: {json.dumps(where)}\n" for name, where in addresses.items() if where)
    return (
        "# Made by `python -m workshop`, from mkdocs.yml, CHANGELOG.md and the package's version.\n"
        "cff-version: 1.2.0\n"
        "message: To cite this course or its code, use these facts.\n"
        "type: software\n"
        f"title: {json.dumps(TITLE)}\n"
        f"authors:\n  - name: {AUTHORS}\n"
        f"version: {__version__}\n"
        f"date-released: {released()}\n"
        "license: MIT\n"
        f"{more}"
    )


def product() -> Product:
    """CITATION.cff."""
    return Product("citation", write, part_is_other=is_other)


def write() -> list[Path]:
    """Write CITATION.cff."""
    CITATION.write_text(citation(), encoding="utf-8")
    return [CITATION]


def is_other() -> bool:
    """Whether it is missing, or not what it should be."""
    return not CITATION.exists() or CITATION.read_text(encoding="utf-8") != citation()
