"""The site as a wheel holds it: python -m workshop.packing ARCHIVE builds it, and packs what the package has not."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cdm_tutor.export import shipped_networks
from workshop.places import ROOT

# what only a web server, a developer, another language or a phone needs; and notebooks, which a command makes
LEFT_OUT = (
    "*.map", "lunr", "search_index.json", "sitemap.xml*", "404.html", "objects.inv", "social.png",
    "*-narrow.*", "*.ipynb",
)  # fmt: skip
LEADS_THERE = re.compile(r"<source[^>]*-narrow\.[^>]*>|<p><strong>As a notebook</strong>.*?</p>", re.DOTALL)


def build_and_pack(archive: Path) -> None:
    """Build the site and pack it.

    Raises:
        CalledProcessError: if it cannot be built.
    """
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", folder]
        subprocess.run(command, cwd=ROOT, check=True)
        pack(Path(folder), archive)


def pack(site: Path, archive: Path) -> None:
    """Pack a site that is built, without the networks: cdm_tutor/pages.py writes them when it unpacks it.

    Args:
        site: the folder that mkdocs made.
        archive: what to write; its name ends in .tar.xz.
    """
    networks = [f"{name}.js" for name in shipped_networks()]
    with TemporaryDirectory() as part:
        shutil.copytree(site, Path(part, "site"), ignore=shutil.ignore_patterns(*LEFT_OUT, *networks))
        for page in Path(part).rglob("*.html"):
            page.write_text(LEADS_THERE.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
        archive.parent.mkdir(parents=True, exist_ok=True)
        shutil.make_archive(str(archive).removesuffix(".tar.xz"), "xztar", part, "site")


if __name__ == "__main__":
    build_and_pack(Path(sys.argv[1]))
