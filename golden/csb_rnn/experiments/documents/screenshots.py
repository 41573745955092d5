# SPDX-License-Identifier: Apache-2.0
"""Five pages of the site at two widths, in a headless Chromium, as PNG files.

The site is served on a port of this machine: read as files, its pages have no search.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from csb_rnn.errors import UsageError

PAGES = ("index", "docs/start/tutorial", "docs/results/engine", "docs/start/glossary", "api/build")
WIDTHS = (1280, 500)  # a desk, a phone (Chromium's windows are no narrower)
HEIGHT = 1400
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The command of a Chromium; None if there is none."""
    return next((name for name in BROWSERS if shutil.which(name)), None)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No line for each request."""


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a folder, served while the context is open."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _chromium(*arguments: str) -> None:
    """
    Raises:
        UsageError: no Chromium.
    """
    name = browser()
    if name is None:
        raise UsageError("chromium: not installed; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        command = [name, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--virtual-time-budget=5000", f"--user-data-dir={profile}", *arguments]
        subprocess.run(command, check=False, capture_output=True, timeout=120)


def take(site: Path, folder: Path) -> list[Path]:
    """Take the screenshots.

    Args:
        site: folder of the built site.
        folder: of the PNG files, named by page and width.

    Raises:
        UsageError: no Chromium, or a page that is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    with served(site) as address:
        for page in PAGES:
            if not (site / f"{page}.html").is_file():
                raise UsageError(f"{site / page}.html: no such page")
            for width in WIDTHS:
                file = folder / f"{page.replace('/', '_')}_{width}.png"
                window = f"--window-size={width},{HEIGHT}"
                _chromium(window, f"--screenshot={file.resolve()}", f"{address}/{page}.html")
                if not file.is_file():
                    raise UsageError(f"{browser()}: no picture of {page}")
                out.append(file)
    return out
