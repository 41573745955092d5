# SPDX-License-Identifier: Apache-2.0
"""A farm of two local workers: every job once, whatever dies; the records of one process."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import pytest

from csb_rnn.experiments.farm import cluster, scaling, speed, steps, sweep
from csb_rnn.experiments.farm.chains import Job, run_chains
from csb_rnn.experiments.farm.cluster import FarmError
from csb_rnn.experiments.reports import nightly
from csb_rnn.experiments.tasks import z2_digits
from csb_rnn.experiments.tasks.records import Records
from tests.experiments import farm_jobs

SCHEMES = ("csb8", "unstructured")
RATE = 4


@pytest.fixture(scope="module")
def client():
    with cluster.workers("local", 2) as found:
        yield found


def chain(count: int, call, *more):
    jobs = iter(range(count))

    def following() -> Job | None:
        n = next(jobs, None)
        return None if n is None else Job(f"job {n}", call, (n, *more))

    return following


def test_a_killed_worker_loses_and_doubles_nothing(client, tmp_path) -> None:
    """Four chains of three; the first job kills the worker it runs on."""
    taken: Counter[tuple[str, int]] = Counter()
    flying: Counter[str] = Counter()

    def take(name: str, job: Job, result: int) -> None:
        assert result == job.arguments[0] ** 2
        taken[name, result] += 1

    def watched(name: str):
        inner = chain(3, farm_jobs.killed_once, str(tmp_path))

        def following() -> Job | None:
            flying[name] += 1
            assert flying[name] - 1 == sum(n for (of, _), n in taken.items() if of == name)
            return inner()

        return following

    names = "abcd"
    run_chains({name: watched(name) for name in names}, take, client)
    assert (tmp_path / "mark").exists()
    assert taken == {(name, n * n): 1 for name in names for n in range(3)}


def test_a_failing_job_ends_its_chain_alone(client) -> None:
    taken = []
    chains = {"bad": chain(3, farm_jobs.failing), "good": chain(3, farm_jobs.squared)}
    with pytest.raises(FarmError, match=r"job 1: a bad job \(1 of 5 jobs failed\)") as caught:
        run_chains(chains, lambda name, _, result: taken.append((name, result)), client)
    assert "\n" not in str(caught.value)
    assert sorted(taken) == [("bad", 0), ("good", 0), ("good", 1), ("good", 4)]


def lines_of(records: Records) -> dict[tuple, dict]:
    """Lines by key, without their seconds."""
    found = {tuple(line.get(k) for k in sweep.KEY): line for line in records.lines}
    assert len(found) == len(records.lines)
    return {k: {n: v for n, v in line.items() if n != "cpu_seconds"} for k, line in found.items()}


def swept(folder: Path, client) -> Records:
    records = Records("Z2", folder / "records")
    wanted = [(records, scheme, (0,)) for scheme in SCHEMES]
    calls = farm_jobs.train, farm_jobs.attempt
    sweep.sweep(wanted, folder, client, lambda line: None, calls, RATE)
    return records


def test_a_sweep_makes_the_same_records_bit_for_bit(client, tmp_path) -> None:
    """One dense model, two tries; models too are equal byte by byte. A second sweep has no work."""
    # Without a farm, in the process of a worker: the made-up task stays in it.
    client.submit(swept, tmp_path / "alone", None, pure=False).result()
    farm = swept(tmp_path / "farm", client)
    alone = Records("Z2", tmp_path / "alone" / "records")
    assert lines_of(farm) == lines_of(alone)
    assert len(farm.lines) == 1 + len(SCHEMES)
    models = [{p.name: p.read_bytes() for p in (tmp_path / at / "z2").iterdir()}
              for at in ("alone", "farm")]  # fmt: skip
    assert models[0].keys() == models[1].keys()
    assert len(models[0]) == 1 + len(SCHEMES)
    again = farm.path.read_text()
    swept(tmp_path / "farm", client)
    assert farm.path.read_text() == again


def test_speed_compares_records_and_models(client, tmp_path, monkeypatch) -> None:
    """One process, then the farm: equal; a changed model or line is found."""
    for owner, name in ((z2_digits, "recordings"), (z2_digits.Digits, "model"),
                        (z2_digits.Digits, "epochs")):  # fmt: skip
        monkeypatch.setattr(owner, name, getattr(owner, name))  # as it was, behind the test
    farm_jobs.made_up_digits()
    monkeypatch.setattr(speed, "workers", lambda kind, count: contextlib.nullcontext(client))
    monkeypatch.setattr(speed.os, "sched_getaffinity", lambda process: {0, 1})
    calls = farm_jobs.train, farm_jobs.attempt
    rows = speed.measure(tmp_path, schemes=SCHEMES[:1], calls=calls, log=lambda line: None)
    z2_digits.statistics.cache_clear()
    assert [(r["workers"], r["tries"], r["equal"]) for r in rows] == [(0, 1, True), (2, 1, True)]
    homes = [tmp_path / f"workers{n}" for n in (0, 2)]
    pairs = [(Records("Z2", home / "records"), home / "z2") for home in homes]
    assert speed.same(*pairs)
    pairs[1][0].lines[-1]["valid"] += 1
    assert not speed.same(*pairs)
    pairs[1] = Records("Z2", homes[1] / "records"), homes[1] / "z2"
    next((homes[1] / "z2").glob("*.npz")).write_bytes(b"")
    assert not speed.same(*pairs)
    monkeypatch.setattr(speed.os, "sched_getaffinity", lambda process: {0})
    with pytest.raises(FarmError, match="2 workers: only 1 processors"):
        speed.measure(tmp_path)


def test_nightly_steps_run_on_a_farm(client, tmp_path, monkeypatch) -> None:
    """They build in a folder of the node; results are those of nightly()."""
    text = "import os; assert 'csb_rnn_build' in os.environ['CSB_BUILD']"
    good, bad = nightly.Step("good", ("-c", text)), nightly.Step("bad", ("-c", "1 / 0"))
    monkeypatch.setattr(steps, "source_hash", lambda: "one")
    assert steps.on_farm([good, bad], client, tmp_path) == ["bad"]
    assert nightly.is_current(good, tmp_path, "one")
    assert steps.on_farm([good], client, tmp_path) == []
    assert not nightly.is_current(bad, tmp_path, "one")


def test_simulated_scaling() -> None:
    """Two chains, by hand; the writer bounds many short jobs."""
    chains = [[3.0, 1.0], [2.0]]
    assert [scaling.makespan(chains, n, 0) for n in (1, 2, 9)] == [6, 4, 4]
    assert scaling.makespan([[1.0]] * 100, 100, 0.5) == pytest.approx(51)


@pytest.mark.parametrize(
    ("name", "words"),
    [("night", "dask-jobqueue|no such profile"), ("tcp://127.0.0.1:1", "127.0.0.1:1")],
)
def test_no_such_cluster_is_one_line(name, words, monkeypatch) -> None:
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(FarmError, match=words) as caught,
        cluster.workers(name),
    ):
        pass
    assert "\n" not in str(caught.value)
