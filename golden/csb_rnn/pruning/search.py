# SPDX-License-Identifier: Apache-2.0
"""The largest rate within a target, by itself (CSB-RNN, Algorithm 1).

The rate starts at ``init_rate`` and rises by a step while the result meets the target. After the
first failure the step is halved at every try, down to a quarter of the first; the rate goes back by
the step after a failure and up after a success. The search ends when the step is a quarter *and*
the result meets the target. As published the end may never come; here a cap on the number of tries
ends it, and the largest rate within the target is the answer either way.

Every try is a file in a folder, so an interrupted search goes on where it was: recorded tries are
not repeated, and the start state of the next one is read back.
"""

from __future__ import annotations

import functools
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from csb_rnn.pruning.matrices import PruningError

__all__ = ["SearchResult", "Try", "search_lossless"]


@dataclass(frozen=True)
class Try:
    """One try: its rate, and its result."""

    index: int
    rate: float
    result: float
    met: bool
    seconds: float
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchResult:
    """``rate`` and ``state`` of the best try within the target; rate 1 and None if none did."""

    rate: float
    result: float | None
    state: Any
    tries: list[Try]
    capped: bool


def _load_tries(folder: Path) -> list[Try]:
    tries: list[Try] = []
    while (path := folder / f"try_{len(tries):02d}.json").is_file():
        try:
            tries.append(Try(**json.loads(path.read_text())))
        except (json.JSONDecodeError, TypeError):
            raise PruningError(f"{path}: damaged record; delete it to repeat this try") from None
    return tries


def _write(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_suffix(".tmp")
    write(temporary)
    os.replace(temporary, path)


def _write_json(item: Try, path: Path) -> None:
    path.write_text(json.dumps(asdict(item), indent=1) + "\n")


def search_lossless(
    attempt: Callable[[float, Any], tuple[float, Any, dict[str, Any]]],
    meets: Callable[[float], bool],
    init_rate: float,
    step: float,
    *,
    cap: int = 12,
    max_rate: float = math.inf,
    folder: str | os.PathLike | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> SearchResult:
    """Find the largest rate whose result meets the target.

    Args:
        attempt: ``attempt(rate, warm) -> (result, state, details)`` prunes at a rate. ``warm`` is
            the state of the best try so far (None at first); ``details`` goes into the record.
        meets: the meaning of "lossless" for a result.
        init_rate: first rate.
        step: first step.
        cap: largest number of tries.
        max_rate: the rate is not raised beyond this.
        folder: where tries (JSON) and the best state (``state_NN.pt``) are kept, if anywhere.
        log: takes a line for each try.

    Raises:
        PruningError: a bad argument, an infinite result or NaN, a damaged record.
    """
    if not (math.isfinite(init_rate) and init_rate >= 1 and math.isfinite(step) and step > 0):
        raise PruningError(f"expected init_rate >= 1 and step > 0, got {init_rate} and {step}")
    if cap < 1:
        raise PruningError(f"expected a cap of at least one try, got {cap}")
    home = Path(folder) if folder is not None else None
    recorded: list[Try] = []
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
        recorded = _load_tries(home)
    smallest = step / 4
    rate, failed = init_rate, False
    best: Try | None = None
    state: Any = None
    tries: list[Try] = []
    known: dict[float, Try] = {}
    finished = False
    while len(tries) < cap:
        index = len(tries)
        if index < len(recorded) and recorded[index].rate == rate:
            item = recorded[index]
            if item.met and home is not None and (home / f"state_{index:02d}.pt").is_file():
                state_now = torch.load(home / f"state_{index:02d}.pt", weights_only=True)
            else:
                state_now = None
            log(f"try {index}: rate {rate:g}: {item.result:.4g} (recorded)")
        else:
            recorded = recorded[:index]  # another search was here: the later tries do not belong
            begin = time.monotonic()
            result, state_now, details = attempt(rate, state)
            if not math.isfinite(result):
                raise PruningError(f"rate {rate:g}: the result is {result}")
            met = bool(meets(result))
            item = Try(index, rate, float(result), met, round(time.monotonic() - begin, 1), details)
            if home is not None:
                better = met and state_now is not None and (best is None or rate >= best.rate)
                if better:
                    _write(home / f"state_{index:02d}.pt", functools.partial(torch.save, state_now))
                _write(
                    home / f"try_{index:02d}.json",
                    functools.partial(_write_json, item),
                )
                if better and best is not None:  # only now: an interrupted search still needs it
                    (home / f"state_{best.index:02d}.pt").unlink(missing_ok=True)
            log(
                f"try {index}: rate {rate:g}: {result:.4g}"
                f" {'meets' if met else 'misses'} the target"
            )
        tries.append(item)
        known[rate] = item
        if item.met:
            if best is None or item.rate >= best.rate:
                best, state = item, state_now
            if (failed and step <= smallest) or rate >= max_rate:
                finished = True
                break
            if failed:
                step = max(step / 2, smallest)
            rate = min(rate + step, max_rate)
        else:
            failed = True
            step = max(step / 2, smallest)
            if rate <= 1:
                finished = True  # not even the dense pattern meets it
                break
            rate = max(1.0, rate - step)
        while rate in known and not finished:  # tried before: its outcome is known
            if known[rate].met or rate <= 1:
                finished = True
            else:
                rate = max(1.0, rate - step)
        if finished:
            break
    return SearchResult(
        rate=best.rate if best else 1.0,
        result=best.result if best else None,
        state=state,
        tries=tries,
        capped=not finished,
    )
