# SPDX-License-Identifier: Apache-2.0
"""Five pages of the site at two widths, in a headless Chromium, as PNG files."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from csb_rnn.errors import UsageError

PAGES = ("index", "docs/start/tutorial", "docs/results/engine", "docs/start/glossary", "api/build")
WIDTHS = (1280, 500)  # a desk, a phone (Chromium's windows are no narrower)
HEIGHT = 1400
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The command of a Chromium; None if there is none."""
    return next((name for name in BROWSERS if shutil.which(name)), None)


def take(site: Path, folder: Path) -> list[Path]:
    """Take the screenshots.

    Args:
        site: folder of the built site.
        folder: of the PNG files, named by page and width.

    Raises:
        UsageError: no Chromium, or a page that is not there.
    """
    name = browser()
    if name is None:
        raise UsageError("chromium: not installed; on Debian: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for page in PAGES:
        html = site / f"{page}.html"
        if not html.is_file():
            raise UsageError(f"{html}: no such page")
        for width in WIDTHS:
            file = folder / f"{page.replace('/', '_')}_{width}.png"
            with tempfile.TemporaryDirectory() as profile:
                command = [name, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
                command += ["--virtual-time-budget=5000"]
                command += [f"--user-data-dir={profile}", f"--window-size={width},{HEIGHT}"]
                command += [f"--screenshot={file.resolve()}", html.resolve().as_uri()]
                subprocess.run(command, check=False, capture_output=True, timeout=120)
            if not file.is_file():
                raise UsageError(f"{name}: no picture of {html}")
            out.append(file)
    return out
