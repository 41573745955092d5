# SPDX-License-Identifier: Apache-2.0
"""The importer's soak: drawn graphs and changed files, each verdict counted and kept.

``python -m tests.soak`` draws 5,000 graphs as tests/network/test_onnx_fuzz.py does and 2,000
changed files as tests/system/test_fuzz_files.py does. Every case follows from its number and is
written down when it is done (``build/soak/``), so a run that was stopped goes on where it was. The
counts are kept in docs/results/data/import_soak.json if all cases were run. Example of a row:
5,000 drawn graphs, 4,612 equal, 311 refused in one line, 77 that ONNX Runtime refuses too, none
wrong, no traceback, no hang.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from csb_rnn.experiments.reports import measured, resumed
from csb_rnn.machine import config
from csb_rnn.machine.folders import BUILD
from csb_rnn.system.untrusted import clean
from csb_rnn.verify import image_run
from tests.network import onnx_verdict as graphs
from tests.network.onnx_drawn import drawn
from tests.system import changed_files as files

NAME = "import_soak"
VERDICTS = ("equal", "refused", "illegal", "wrong", "traceback", "hang")
BAD = VERDICTS[3:]
Verdict = tuple[str, str]  # the kind, and a text about a bad one


def graph(number: int) -> Verdict:
    """A drawn graph against ONNX Runtime, in float; every fourth in integers too."""
    try:
        with files.guarded():
            proto, feeds = drawn(random.Random(number).choice)
            found = graphs.verdict(proto, feeds)
            if found == "equal" and number % 4 == 0:
                graphs.fixed_is_near(proto, number)
    except AssertionError:
        return "wrong", traceback.format_exc(limit=-3)
    except TimeoutError:
        return "hang", ""
    except BaseException:
        return "traceback", traceback.format_exc(limit=-6)
    return found, ""


class Screen:
    """Text of a command, as pytest's ``capsys`` gives it."""

    class Text(NamedTuple):
        out: str
        err: str

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()

    def readouterr(self) -> Screen.Text:
        """Text since the last call."""
        found = self.Text(self.out.getvalue(), self.err.getvalue())
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return found


def file(number: int, folder: Path) -> Verdict:
    """A command on a changed file: it ends well, or refuses in one line.

    A build that ends well has compared its source; a run of an image ends where the RTL would run.

    Args:
        number: of the case.
        folder: for the good files, which are made once.
    """
    rng = random.Random(f"soak {number}")
    made = files.good(folder / "good")
    kind, work, screen = files.KINDS[number % len(files.KINDS)], folder / "case", Screen()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    before, passed = Path.cwd(), mock.Mock(side_effect=files.Reached)
    os.chdir(work)
    try:
        with (
            mock.patch.object(image_run, "compare", passed),
            contextlib.redirect_stdout(screen.out),
            contextlib.redirect_stderr(screen.err),
        ):
            name, words = kind(rng, work, made)
            there = {f.name for f in work.iterdir()}
            patched: Any = contextlib.nullcontext()
            if kind is files.configurations:
                patched = mock.patch.object(config, "CONFIG_FILE", work / "configs.toml")
                config._table.cache_clear()
            with patched:
                problem = files.outcome(name, words, screen)
        config._table.cache_clear()
        left = {f.name for f in work.iterdir()} - there
        if not problem and kind is not files.arguments and left - {"out"}:
            problem = f"left behind: {sorted(left)}"
    finally:
        os.chdir(before)
    if not problem:
        return ("equal" if passed.called or "out" in left else "refused"), ""
    text = f"{kind.__name__}: {name} {[clean(str(w), 80) for w in words]}\n{problem}"
    if "TimeoutError" in problem:
        return "hang", text
    return ("traceback" if problem.startswith("Traceback") else "wrong"), text


def soak(
    name: str, count: int, one: Callable[[int], Verdict], sources: dict[str, str]
) -> Counter[str]:
    """Verdicts of cases 0 to ``count - 1``; bad ones are printed."""
    log, seen = BUILD / f"soak/{name}.jsonl", Counter[str]()
    found = resumed.resumed(log, sources, map(str, range(count)), lambda n: one(int(n)))
    for number, (kind, text) in found:
        seen[kind] += 1
        if kind in BAD:
            print(f"{name} {number}: {kind}\n{text}", file=sys.stderr, flush=True)
        if seen.total() % 500 == 0:
            print(f"{name}: {seen.total()} of {count}", flush=True)
    return seen


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for files of cases."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "good").mkdir()
        yield Path(name)


def main() -> int:
    """Run, count, keep; 1 if a case is wrong, a traceback or a hang."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=5000)
    parser.add_argument("--files", type=int, default=2000)
    a = parser.parse_args()
    began = measured.begin(NAME)
    rows = []
    with scratch() as folder:
        for what, count, one in (
            ("drawn graphs", a.graphs, graph),
            ("changed files", a.files, lambda n: file(n, folder)),
        ):
            seen = soak(what.replace(" ", "_"), count, one, began.sources)
            rows.append({"cases": what, "count": count, **{v: seen[v] for v in VERDICTS}})
            print(rows[-1])
    if (a.graphs, a.files) == (5000, 2000):
        measured.write(NAME, rows, began)
    return int(any(r[v] for r in rows for v in BAD))


if __name__ == "__main__":
    sys.exit(main())
