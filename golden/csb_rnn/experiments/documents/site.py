# SPDX-License-Identifier: Apache-2.0
"""The site: README, the pages of docs/ and the docstrings of the API, by mkdocs-material.

Pages link to files of the repository, for example ``../golden/csb_rnn/machine/config.py``. The site
has a copy of every such file in its place, so each link leads to it; a link to a folder leads to
its README, or to a list of its files. The first use of each word of the glossary is a link to it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from csb_rnn.errors import CsbError
from csb_rnn.experiments.documents import glossary
from csb_rnn.experiments.documents.first_uses import unlinked, with_links
from csb_rnn.machine.folders import BUILD, ROOT

SOURCE, SITE = BUILD / "site-source", BUILD / "site"
TOP = ("CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md", "LICENSE")
GLOSSARY = glossary.PAGE.relative_to(ROOT)
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")
API = {
    "csb_rnn": "`import csb_rnn`: the names that are kept stable",
    "csb_rnn.api.build": "A build: predictions, models, the run on the RTL",
    "csb_rnn.api.explore": "A network on every configuration",
    "csb_rnn.api.prune": "Pruning of a module",
    "csb_rnn.api.module": "A quantised module of torch",
    "csb_rnn.api.plots": "Pictures",
    "csb_rnn.api.results": "Values that the API returns",
    "csb_rnn.api.sources": "Sources of a model",
    "csb_rnn.errors": "Errors",
}


class SiteError(CsbError):
    """The site cannot be built, or has a dead link."""


def _target(page: Path, link: str, root: Path) -> str:
    """A link of a page as it is in the site; what it leads to is copied there.

    Args:
        page: in the site's source.
        link: as it is on the page.
        root: of the repository.
    """
    path, hash_, anchor = link.partition("#")
    if not path or "://" in path or path.startswith("mailto:"):
        return link
    place = page.parent / path
    inside = Path(os.path.normpath(place)).relative_to(SOURCE)
    real = root / inside
    if inside == Path("README.md"):
        return f"{os.path.relpath(SOURCE / 'index.md', page.parent)}{hash_}{anchor}"
    if not real.exists():
        raise SiteError(f"{page.relative_to(SOURCE)}: dead link {link}")
    if real.is_dir():
        listed = "README.md" if (real / "README.md").is_file() else "index.md"
        if listed == "README.md":
            _page(inside / listed, root)
        elif not (SOURCE / inside / listed).exists():
            names = sorted(p.name for p in real.iterdir() if not p.name.startswith(("_", ".")))
            (SOURCE / inside).mkdir(parents=True, exist_ok=True)
            text = "\n".join([f"# {inside}", "", *(f"* `{name}`" for name in names), ""])
            (SOURCE / inside / listed).write_text(text)
        return f"{path.rstrip('/')}/{listed}{hash_}{anchor}"
    if real.suffix == ".md":
        _page(inside, root)
    elif not (SOURCE / inside).exists():
        (SOURCE / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real, SOURCE / inside)
    return link


def _page(name: Path, root: Path) -> None:
    """A page of the repository in the site's source, with all that it links to."""
    page = SOURCE / ("index.md" if name == Path("README.md") else name)
    if page.exists():
        return
    page.parent.mkdir(parents=True, exist_ok=True)
    text = (root / name).read_text()
    page.write_text(text)  # it is there: links in a circle come to an end
    fenced = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    fenced[::2] = [
        LINK.sub(lambda m: m[1] + _target(page, m[2], root) + m[3], part) for part in fenced[::2]
    ]
    linked = "".join(fenced)
    if has_terms(name):
        linked = with_links(linked, os.path.relpath(SOURCE / GLOSSARY, page.parent))
    page.write_text(linked)


def has_terms(name: Path) -> bool:
    """Whether the words of the glossary are linked on a page: README and docs/, but itself."""
    return name != GLOSSARY and (name == Path("README.md") or name.parts[0] == "docs")


def undefined(pages: Iterable[str]) -> list[str]:
    """A line for each page of the site's source with a term before its meaning is linked."""
    found = []
    for name in pages:
        repository = Path("README.md") if name == "index.md" else Path(name)
        if has_terms(repository) and (terms := unlinked((SOURCE / name).read_text())):
            found.append(f"{name}: used before they are linked: {', '.join(terms)}")
    return found


def prepare(root: Path = ROOT) -> list[str]:
    """Write the site's source; returns its pages.

    Raises:
        SiteError: a link that leads nowhere.
    """
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    docs = sorted((root / "docs").rglob("*.md"))
    for file in [root / "README.md", *(root / n for n in TOP if n.endswith(".md")), *docs]:
        _page(file.relative_to(root), root)
    (SOURCE / "api").mkdir()
    for module, title in API.items():
        text = f"# {title}\n\n::: {module}\n"
        (SOURCE / "api" / f"{module.removeprefix('csb_rnn.api.')}.md").write_text(text)
    return sorted(str(p.relative_to(SOURCE)) for p in SOURCE.rglob("*.md"))


def build(root: Path = ROOT) -> int:
    """Build the site; returns the number of its pages.

    Raises:
        SiteError: a dead link or anchor, any other warning of mkdocs, or a word of the glossary
            before its link; the message has all.
    """
    pages = prepare(root)
    if wrong := undefined(pages):
        raise SiteError("\n".join(wrong))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    command += ["-f", str(root / "mkdocs.yml"), "-d", str(SITE)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).strip()
    if done.returncode or "WARNING" in said:
        raise SiteError(f"mkdocs: {said}")
    return len(pages)
