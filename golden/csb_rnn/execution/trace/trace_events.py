# SPDX-License-Identifier: Apache-2.0
"""The timeline as trace-event JSON, one cycle = 1 us, for Perfetto and chrome://tracing.

Viewers colour a slice by its name (Perfetto) or by ``cname`` (chrome://tracing): a stall is named
after its cause, so causes have colours of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from csb_rnn.execution.trace.lost_cycles import losses
from csb_rnn.execution.trace.timeline import Timeline, cause, event_names

BUS_DELAY = 5  # element word -> its first word on the neuron bus
COLOURS = {
    "wait for input": "terrible",
    "wait for recurrent": "bad",
    "wait for new": "yellow",
    "wait for drained": "olive",
    "wait for marks": "grey",
    "wait for register": "black",
    "wait for drain unit": "grey",
    "wait for output": "terrible",
}
PROCESSES = ("engine", "data path", "streams")


def _slice(pid: int, tid: int, name: str, begin: int, end: int, **args: Any) -> dict[str, Any]:
    event = {"ph": "X", "pid": pid, "tid": tid, "name": name, "ts": begin, "dur": end - begin}
    colour = next((c for start, c in COLOURS.items() if name.startswith(start)), None)
    if colour:
        event |= {"cat": "stall", "cname": colour}
    return {**event, "args": args} if args else event


def _names(t: Timeline) -> Iterator[dict[str, Any]]:
    c = t.program.config
    tracks = [(0, g, f"PEGroup {g // c.L},{g % c.L}") for g in range(c.groups)]
    tracks += [(1, 0, "drain"), (1, 1, "element"), (1, 2, "writer (neuron bus)")]
    tracks += [(2, 0, "input (neuron bus)"), (2, 1, "output")]
    for pid, name in enumerate(PROCESSES):
        yield {"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}
    for pid, tid, name in tracks:
        yield {"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": name}}
        yield {
            "ph": "M", "pid": pid, "tid": tid, "name": "thread_sort_index",
            "args": {"sort_index": tid},
        }  # fmt: skip


def _engine(t: Timeline) -> Iterator[dict[str, Any]]:
    for g, (bursts, stalls) in enumerate(zip(t.bursts, t.stalls, strict=True)):
        for s in bursts:
            if s.last > s.first:
                yield _slice(0, g, f"multiply by {s.reads or 'nothing'}", s.begin,
                             s.begin + s.last - s.first, iteration=s.iteration,
                             words=f"{s.first}..{s.last - 1}")  # fmt: skip
        for w in stalls:
            yield _slice(0, g, w.cause, w.begin, w.end, iteration=w.iteration, word=w.word)


def _unit(
    t: Timeline, tid: int, words: list[dict], times: list, waits: tuple[str, str]
) -> Iterator[dict[str, Any]]:
    """A data path unit: words issued back to back are one slice."""
    open_at: int | None = None
    last = -1
    for i, (over, first, issue) in enumerate(times):
        if open_at is not None and issue != last + 1:
            yield _slice(1, tid, "words", open_at, last + 1)
            open_at = None
        for name, begin, end in ((waits[0], over, first), (waits[1], first, issue)):
            if end > begin and i:
                yield _slice(1, tid, name, begin, end, iteration=i // len(words))
        if open_at is None:
            open_at = issue
        last = issue
    if open_at is not None:
        yield _slice(1, tid, "words", open_at, last + 1)


def _data_path(t: Timeline) -> Iterator[dict[str, Any]]:
    p = t.program
    loop = p.elem[p.elem_loop :]
    waits = ("wait for marks of PEGroups", "wait for register set")
    yield from _unit(t, 0, p.drain, t.record.drain, waits)
    waits = ("wait for drain unit", "wait for output buffer")
    yield from _unit(t, 1, loop, t.record.elem, waits)
    for i, (_, _, issue) in enumerate(t.record.elem):
        w = loop[i % len(loop)]
        if w.get("neu_we") or w.get("out_we"):
            begin = issue + BUS_DELAY
            yield _slice(1, 2, "slot", begin, begin + p.config.sub_slots)


def _streams(t: Timeline) -> Iterator[dict[str, Any]]:
    streams = t.program.streams
    written = [(chunks[0], chunks[-1]) for chunks in t.record.inputs]
    for tid, spans in ((0, written), (1, t.record.outputs)):
        for n, (first, last) in enumerate(spans):
            name = f"frame {n // streams}" + (f" of stream {n % streams}" if streams > 1 else "")
            yield _slice(2, tid, name, first, last + 1)


def trace_events(t: Timeline) -> dict[str, Any]:
    """The JSON object: events, and the summary of lost cycles in ``otherData``."""
    events = [*_names(t), *_engine(t), *_data_path(t), *_streams(t)]
    names = {str(e): cause(name, 0) for e, name in event_names(t.program).items()}
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "config": t.program.config.name,
            "streams": t.program.streams,
            "frames": t.iterations,
            "unit": "1 us = 1 cycle; 0 is the first input beat",
            "events": names,
            "losses": losses(t).record(),
        },
    }
