# SPDX-License-Identifier: Apache-2.0
"""Generated files are current, and names and numbers of the design in pages are right."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from csb_rnn.experiments.documents import findings, generate, results, tables
from csb_rnn.experiments.reports import measured
from csb_rnn.flow import schema
from csb_rnn.machine import config, design, folders, image
from csb_rnn.machine.memories import memory_bits

SCRIPT = folders.ROOT / "scripts/gen_docs.py"


def test_everything_is_current() -> None:
    command = [sys.executable, str(SCRIPT), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_finds_what_is_stale(tmp_path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    same.write_text("a")
    other.write_text("b")
    files = {same: "a", other: "c", tmp_path / "missing": ""}
    assert generate.outdated(files) == [other, tmp_path / "missing"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("`LAT_RELEASE = 4`", "LAT_RELEASE is not 4 in tiny"),
        ("`lat_post = 7 + w`", "lat_post is not 7 + w in tiny"),
        ("`LAT_NOTHING = 1`", "no constant LAT_NOTHING"),
        ("[page](no.md#part)", "no link target no.md"),
        ("# A part\n[here](#a-part), [there](#other)", "no place #other"),
        ("[page](docs/reference/isa.md#nowhere)", "no place docs/reference/isa.md#nowhere"),
        ("`tests/test_none.py`", "no file tests/test_none.py"),
        ("tests/conftest.py::test_none", "no test tests/conftest.py::test_none"),
        (
            "`lat_post = 7 + RS + 5*D`, [top](docs/develop/timing.md), tests/machine/test_image.py",
            None,
        ),
    ],
)
def test_check_reads_pages(text: str, finding: str | None) -> None:
    found = [*findings.wrong_constants(text), *findings.missing_files(text, folders.ROOT)]
    assert found == [finding] * (finding is not None)


@pytest.mark.parametrize(
    ("name", "parity"), [*((name, 0) for name in config.names()), ("tiny", 1), ("fast256", 1)]
)
def test_memory_bits_are_those_of_the_rtl(name: str, parity: int) -> None:
    c = config.load(name, parity=parity)
    bits = 0
    for _, module, parameters in design.elaborate(design.TOP, image.all_parameters(c)):
        p = dict(parameters)
        if module == "csb_ram_1r1w":
            bits += p["Width"] * p["Depth"]
        elif module == "csb_neuron_ram":
            bits += p["DataW"] * p["Depth"] * p["Sides"] * p["Reads"]
    assert bits == sum(memory_bits(c).values())


@pytest.mark.parametrize("name", config.names())
def test_derived_widths_are_those_of_the_rtl(name: str) -> None:
    c = config.load(name)
    want = {"LaneW": {c.lane_w}, "ReduceStages": {c.reduce_stages}}
    found: dict[str, set[int]] = {key: set() for key in want}
    for _, module, parameters in design.elaborate(design.TOP, image.all_parameters(c)):
        if module in ("csb_datapath", "csb_lane", "csb_drain", "csb_act", "csb_reg_bank"):
            for key, value in parameters:
                if key in want:
                    found[key].add(value)
    assert found == want


def test_core_lists_the_sources_in_order() -> None:
    listed = re.findall(r"^      - (hdl/\S+\.sv)$", tables.CORE.read_text(), re.MULTILINE)
    assert [folders.ROOT / file for file in listed] == list(design.file_list()[0])


#: Tables of numbers by hand: definitions of the design, no results.
DEFINITIONS = {
    "docs/develop/blocks/csb_util.md",  # latencies
    "docs/reference/numerics.md",  # widths
    "examples/ecp5/README.md",  # numbers of lights
}


def test_no_table_of_results_is_written_by_hand() -> None:
    """Each is rendered from a kept result, so none is older than that."""
    pages = [folders.ROOT / "README.md"]
    pages += [p for top in ("docs", "examples") for p in (folders.ROOT / top).rglob("*.md")]
    names = {
        str(p.relative_to(folders.ROOT)): findings.written_tables(p.read_text()) for p in pages
    }
    assert {name: heads for name, heads in names.items() if heads}.keys() == DEFINITIONS


def test_a_table_written_by_hand_is_found() -> None:
    rows = "| head |\n|--:|\n| 1 |\n| 2,000 |\n| 0.3 |\n"
    assert findings.written_tables(rows) == ["| head |"]
    assert findings.written_tables(f"<!-- a -->\n{rows}<!-- /a -->\n") == []
    assert findings.written_tables("| head |\n|---|\n| 1 |\n| two |\n") == []


def test_results_columns_are_in_the_schema() -> None:
    out_of_accuracy = {"difference", "difference_999"}  # csb_rnn.experiments.trained.table.kept
    keys = {key for _, key in measured.SIM_COLUMNS}
    assert keys - out_of_accuracy <= schema.SUMMARY[0].keys()


def test_results_table(monkeypatch) -> None:
    row = {"model": "m", "config": "tiny", "frames": 4, "cycles_per_frame": 12.5}
    kept = measured.Measured("", {}, [row | {"frame_efficiency": None}])
    monkeypatch.setattr(measured, "read", lambda name: kept)
    lines = results.results_table().splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| m | tiny | 4 | - | - | - | 12.50 | - |")
    text = "a<!-- t -->old<!-- /t -->b"
    assert generate.between(text, "t", "new") == "a<!-- t -->\nnew\n<!-- /t -->b"
