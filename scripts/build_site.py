# SPDX-License-Identifier: Apache-2.0
"""Builds the site from README, docs/ and docstrings: build/site/index.html; any warning fails.

``--screenshots DIR`` shows five pages at two widths in a headless Chromium, a PNG for each.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.documents import screenshots, site


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--screenshots", metavar="DIR", help="folder of the PNG files")
    args = parser.parse_args()
    pages = site.build()
    print(f"{site.SITE}/index.html: {pages} pages, no warning, no dead link")
    print(f"with search: {sys.executable} -m http.server --directory {site.SITE}")
    if args.screenshots is not None:
        for file in screenshots.take(site.SITE, Path(args.screenshots)):
            print(file)
    return 0


if __name__ == "__main__":
    commands.run(main)
