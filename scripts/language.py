# SPDX-License-Identifier: Apache-2.0
"""Language of pages, docstrings, comments, messages: figures, limits, the worst sentences."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))

from csb_rnn import commands
from csb_rnn.experiments.documents import comments, language
from csb_rnn.machine.folders import ROOT

PROSE = {"pages": language.of_pages, "docstrings": language.of_docstrings}
GROUPS = PROSE | {"comments": comments.of_comments, "messages": comments.of_messages}


def main() -> int:
    parser = commands.Parser(description=__doc__.splitlines()[0])
    parser.add_argument("group", nargs="?", help=f"one of {', '.join(GROUPS)} (all of them)")
    parser.add_argument("--worst", type=int, default=5, help="sentences to print of each group (5)")
    parser.add_argument("--file", help="only sentences of files whose path has this in it")
    args = parser.parse_args()
    if args.group not in (None, *GROUPS):
        parser.error(f"unknown group '{args.group}'")
    wrong = []
    for name in [args.group] if args.group else GROUPS:
        found = [s for s in GROUPS[name]() if not args.file or args.file in str(s.file)]
        figures = language.figures(found)
        print(f"{name}: " + ", ".join(f"{k} {v:.1f}" for k, v in figures.items()))
        wrong += [f"{name}: {line}" for line in language.beyond(figures, name in PROSE)]
        for score, s in language.worst(found)[: args.worst]:
            print(f"  {s.file.relative_to(ROOT)}:{s.line}: ({score}) {s.text}")
    print("\n".join(wrong) or "all figures hold")
    return int(bool(wrong))


if __name__ == "__main__":
    commands.run(main)
