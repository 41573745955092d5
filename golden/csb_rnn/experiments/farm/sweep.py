# SPDX-License-Identifier: Apache-2.0
"""The tries of the table of schemes on a farm: a chain for each (task, scheme).

A worker trains in a folder of its own node and sends back lines and models; this process alone
writes both. The tries are those of :func:`csb_rnn.experiments.tasks.table.tries_to_make`, and equal
in every figure but their seconds; their lines stand in the order in which they were done.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from csb_rnn.experiments.farm.chains import Job, Next, run_chains
from csb_rnn.experiments.tasks import get
from csb_rnn.experiments.tasks.plans import PLANS
from csb_rnn.experiments.tasks.records import Records
from csb_rnn.experiments.tasks.table import dense_model, make_try, next_try

__all__ = ["Made", "attempt", "sweep"]

KEY = ("kind", "scheme", "rate", "seed")


class Made(NamedTuple):
    """The result of a try.

    Attributes:
        lines: new ones, of its dense model too if it had to be trained.
        files: content of its models by name.
    """

    lines: list[dict[str, Any]]
    files: dict[str, bytes]


def attempt(
    name: str,
    scheme: str,
    rate: float,
    seed: int,
    known: list[dict[str, Any]],
    dense: bytes | None,
) -> Made:
    """One try in a folder of this node, which goes with it.

    Args:
        name: of the task.
        scheme, rate, seed: of the try.
        known: lines of the dense models.
        dense: file of the dense model, if it was trained before.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="csb_rnn_") as folder:
        states, records = Path(folder) / "models", Records(name, Path(folder) / "records")
        records.lines += known
        states.mkdir()
        if dense is not None:
            (states / f"dense_s{seed}.pt").write_bytes(dense)
        make_try(get(name), records, PLANS[name], scheme, rate, seed, states)
        files = {p.name: p.read_bytes() for p in sorted(states.iterdir())}
        if dense is not None:
            files.pop(f"dense_s{seed}.pt")
        return Made(records.lines[len(known) :], files)


def train(name: str, seed: int) -> Made:
    """The dense model of a seed, before any try of it."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="csb_rnn_") as folder:
        states, records = Path(folder) / "models", Records(name, Path(folder) / "records")
        dense_model(get(name), records, PLANS[name], seed, states, lambda line: None)
        return Made(records.lines, {p.name: p.read_bytes() for p in states.iterdir()})


def keep(made: Made, records: Records, states: Path) -> None:
    """Models first, then lines, so a line tells of a model that is there; nothing twice."""
    states.mkdir(parents=True, exist_ok=True)
    for name, content in made.files.items():
        if not (states / name).exists():
            part = states / f"{name}.part"
            part.write_bytes(content)
            part.replace(states / name)
    there = {tuple(line.get(k) for k in KEY) for line in records.lines}
    for line in made.lines:
        if tuple(line.get(k) for k in KEY) not in there:
            records.add(line)


def chain(
    records: Records,
    scheme: str,
    seeds: tuple[int, ...],
    states: Path,
    call: Any = attempt,
    only: float | None = None,
) -> Next:
    """The search of a scheme: its first seed, then all; or the ``only`` rate with all seeds."""
    name = records.task
    task, plan = get(name), PLANS[name]

    def searched() -> tuple[float, int] | None:
        if only is not None:
            done = records.results(scheme)
            return next(((only, s) for s in seeds if (only, s) not in done), None)
        found = next_try(task, records, scheme, plan, seeds[:1])
        if found is None and len(seeds) > 1:
            found = next_try(task, records, scheme, plan, seeds)
        return found

    def following() -> Job | None:
        found = searched()
        if found is None:
            return None
        rate, seed = found
        file = states / f"dense_s{seed}.pt"
        dense = file.read_bytes() if file.is_file() else None
        arguments = (name, scheme, rate, seed, records.of("dense"), dense)
        return Job(f"{name} {scheme} {rate:g}x, seed {seed}", call, arguments)

    return following


def sweep(
    wanted: Sequence[tuple[Records, str, tuple[int, ...]]],
    work: Path,
    client: Any = None,
    log: Callable[[str], None] = print,
    calls: tuple[Any, Any] = (train, attempt),
    only: float | None = None,
) -> None:
    """All missing tries of some schemes, behind the missing dense models.

    Args:
        wanted: records of a task, scheme, seeds.
        work: folder of the models, one below it for each task.
        client: of :func:`csb_rnn.experiments.farm.cluster.workers`; None: here.
        log: takes a line for each try.
        calls: make a dense model and a try.
        only: the one rate to try, in place of a search.
    """
    homes: dict[str, tuple[Records, Path]] = {}
    models: dict[str, Next] = {}
    for records, _, seeds in wanted:
        states = work / records.task.lower()
        for seed in seeds:
            name = f"{records.task} dense, seed {seed}"
            if not (states / f"dense_s{seed}.pt").is_file():
                once = iter([Job(name, calls[0], (records.task, seed))])
                models[name], homes[name] = partial(next, once, None), (records, states)
    run_chains(models, lambda name, _, made: keep(made, *homes[name]), client, log)
    chains: dict[str, Next] = {}
    for records, scheme, seeds in wanted:
        states = work / records.task.lower()
        name = f"{records.task} {scheme}"
        chains[name] = chain(records, scheme, seeds, states, calls[1], only)
        homes[name] = records, states
    run_chains(chains, lambda name, _, made: keep(made, *homes[name]), client, log)
