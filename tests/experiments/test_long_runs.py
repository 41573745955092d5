# SPDX-License-Identifier: Apache-2.0
"""Soak, faults, functional coverage: their judges, without a compiled machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from csb_rnn.experiments.direct import jobs
from csb_rnn.experiments.direct.host import Host, MismatchError
from csb_rnn.experiments.faults import places
from csb_rnn.experiments.faults.run import Flip, summary
from csb_rnn.experiments.functional.points import POINTS, Points, facts_of
from csb_rnn.experiments.soak import totals
from csb_rnn.experiments.soak.run import Case
from csb_rnn.machine import config, image


@pytest.fixture
def job(seed: int) -> jobs.Job:
    c = config.load("tiny", **jobs.SHALLOW)
    return jobs.draw(np.random.default_rng(seed), c, sequences=2, frames=3)


class Answers:
    """A machine that answers what it is told to."""

    def __init__(self, data: np.ndarray, last: np.ndarray) -> None:
        self.data, self.last = data, last

    def reset(self) -> None:
        pass

    def take(self) -> tuple[np.ndarray, np.ndarray]:
        return self.data, self.last


def judged(job: jobs.Job, data: np.ndarray, last: np.ndarray) -> Any:
    host = Host(Answers(data, last))  # type: ignore[arg-type]
    host.job = job
    return host.packets(0)


def answers(job: jobs.Job) -> tuple[np.ndarray, np.ndarray]:
    """Right beats of the first sequence."""
    wide = job.y.shape[2]
    data = job.y[0].ravel().copy()
    return data, (np.arange(len(data)) % wide == wide - 1).astype(np.uint8)


def test_right_packets_are_counted_and_a_cut_one_is_the_last(job: jobs.Job) -> None:
    data, last = answers(job)
    assert judged(job, data, last) == (job.frames, 0)
    wide = job.y.shape[2]
    assert judged(job, data[: 2 * wide], last[: 2 * wide]) == (2, 0)
    job.y[0, 1] = 5
    data[wide : 2 * wide] = 0
    assert judged(job, data[: 2 * wide], last[: 2 * wide]) == (2, 1)


def test_wrong_packets_are_found(job: jobs.Job) -> None:
    wide = job.y.shape[2]
    for change in ("value", "short", "last", "more", "order"):
        data, last = answers(job)
        if change == "value":
            data[0] ^= np.uint64(1)
        elif change == "short":
            data, last = data[:-1], last[:-1]
            if wide == 1:
                continue  # a frame less is none that is wrong
        elif change == "last":
            last[-1] = 0
        elif change == "more":
            data, last = np.tile(data, 2), np.tile(last, 2)
        else:
            job.y[0, 0], data[-wide:] = 9, 9
        with pytest.raises(MismatchError):
            judged(job, data, last)


def test_beats_hold_values_from_the_low_end() -> None:
    got = jobs.beats(np.array([[1, -1, 3]]), 2)
    assert got.tolist() == [[0xFFFF0001, 3]]


def test_totals_add_up_while_the_sources_stay(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for seed, frames, failure in ((1, 10, ""), (2, 5, "x")):
        case = Case("tiny", seed, frames, 99, Counter(stop=2), failure)
        totals.add(log, {"hdl": "a"}, case)
    first, kinds = totals.rows(log, {"hdl": "a"})
    assert first == {"table": "soak", "config": "tiny", "seeds": 2, "frames": 15, "cycles": 198,
                     "interruptions": 4, "mismatches": 1}  # fmt: skip
    assert kinds == {"table": "kinds", "config": "stop", "interruptions": 4}
    assert totals.rows(log, {"hdl": "b"}) == []
    totals.add(log, {"hdl": "b"}, Case("tiny", 3, 1))
    assert totals.rows(log, {"hdl": "b"})[0]["frames"] == 1


def test_registers_are_found_and_have_a_place() -> None:
    found = places.registers(image.all_parameters(config.load("tiny", **jobs.SHALLOW)))
    ram = "csb_top.u_datapath.u_drain.u_seq.u_program.u_ram.mem"
    assert {ram, "csb_top.u_control.state_q", "csb_top.u_watchdog.count_q"} <= found
    assert "csb_top.u_control.state_d" not in found
    assert places.place_of(ram) == "programs of drain and element"
    assert {places.place_of(path) for path in found} == {name for name, _ in places.PLACES}


def test_flips_are_counted_by_place() -> None:
    flips = [Flip(1, n, "states", "a", 1, 2, end, "") for n, end in enumerate(("hung", "masked"))]
    first, hung = summary(flips, {"states": 64}, 1)
    assert first == {"table": "places", "parity": 1, "place": "states", "bits": 64, "flips": 2,
                     "masked": 1, "detected": 0, "silent": 0, "hung": 1}  # fmt: skip
    assert hung["path"] == "a"


def test_points_count_facts(job: jobs.Job) -> None:
    points = Points()
    assert len(points.missing()) == sum(map(len, POINTS.values()))
    facts = facts_of(job)
    points.add([*facts, "waits: STALL_X", "no such point: x"])
    left = points.missing()
    assert not facts & set(left)
    assert "waits: STALL_X" not in left
    assert points.hits("waits")["STALL_X"] == 1
