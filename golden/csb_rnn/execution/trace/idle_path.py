# SPDX-License-Identifier: Apache-2.0
"""The longest path through a frame, back from its last output beat: its latency."""

from __future__ import annotations

from csb_rnn.execution.trace.timeline import Timeline, event_names
from csb_rnn.execution.units import IN_EVENT, OUT_FIRST_BEAT
from csb_rnn.machine import isa


class _Walk:
    """Steps found so far, last first."""

    def __init__(self, t: Timeline) -> None:
        self.t, self.p = t, t.program
        self.loop = self.p.elem[self.p.elem_loop :]
        self.steps: list[list] = []

    def add(self, what: str, cycles: int) -> None:
        if self.steps and self.steps[-1][0] == what:
            self.steps[-1][1] += cycles
        elif cycles:
            self.steps.append([what, cycles])

    def nth(self, words: list[dict], key: str, k: int) -> int:
        """Issue number of the word with the k-th ``key`` of the run."""
        places = [i for i, w in enumerate(words) if w.get(key)]
        return k // len(places) * len(words) + places[k % len(places)]

    def count(self, words: list[dict], key: str, i: int) -> int:
        """How many words before issue number ``i`` have ``key``."""
        each = sum(bool(w.get(key)) for w in words)
        return i // len(words) * each + sum(bool(w.get(key)) for w in words[: i % len(words)])

    # Each of these goes back from one issue to the beginning of the frame's path.

    def element(self, i: int) -> None:
        while True:
            over, posted, issue = self.t.record.elem[i]
            if issue > posted:
                self.add("wait for a free output buffer", issue - posted)
                issue = posted
            if posted > over:
                self.add("drain to element", isa.lat_post(self.p.config))
                return self.drain(self.nth(self.p.drain, "post", self.count(self.loop, "pend", i)))
            if i == 0:
                return self.add("start", issue)
            i -= 1
            self.add("element-wise words", issue - self.t.record.elem[i][2])

    def drain(self, i: int) -> None:
        while True:
            _, marked, issue = self.t.record.drain[i]
            over = self.t.record.drain[i][0]
            if issue > marked:
                self.add("register set to drain", isa.LAT_RELEASE)
                k = self.count(self.p.drain, "acquire", i) - self.p.reg_credits
                return self.element(self.nth(self.loop, "release", k))
            if marked > over:
                latency = isa.lat_mark(self.p.config)
                self.add("engine to drain", latency)
                return self.mark(self.count(self.p.drain, "wait_mark", i), issue - latency)
            if i == 0:
                return self.add("start", issue)
            i -= 1
            self.add("drain words", issue - self.t.record.drain[i][2])

    def mark(self, k: int, issue: int) -> None:
        """From the mark of this number, given by a PEGroup in cycle ``issue``."""
        for g, group in enumerate(self.p.groups):
            words = group.ctl["mark"].nonzero()[0]
            n, word = k // len(words), int(words[k % len(words)])
            for s in self.t.bursts[g]:
                inside = s.iteration == n and s.first <= word < s.last
                if inside and s.begin + word - s.first == issue:
                    return self.group(g, n, word, issue)
        raise AssertionError(f"no PEGroup gave mark {k} in cycle {issue}")

    def group(self, g: int, n: int, word: int, issue: int) -> None:
        for s in reversed(self.t.bursts[g]):
            if (s.iteration, s.first) > (n, word):
                continue
            self.add(f"engine words, {s.reads or 'no vector'}", issue - s.begin)
            issue = s.begin
            stall = [w for w in self.t.stalls[g] if (w.iteration, w.word) == (s.iteration, s.first)]
            if stall:
                self.add("event to waiting word", isa.lat_wait(self.p.config))
                if stall[0].event is not None:
                    self.add("event to PEGroups", isa.lat_event(self.p.config))
                    return self.event(stall[0].event, s.iteration - stall[0].back)
                issue = stall[0].begin
            n, word = s.iteration, s.first - 1
        self.add("start", issue)
        return None

    def event(self, event: int, n: int) -> None:
        kind = event_names(self.p)[event]
        if kind == "x":
            return self.add("input frame to neurons", self.t.record.inputs[n][-1] + IN_EVENT)
        words, back, latency = {
            "drained": (self.p.drain, self.drain, isa.LAT_DRAINED),
            "vector": (self.loop, self.element, isa.lat_neuron(self.p.config)),
        }[kind.split()[0]]
        self.add(f"{kind} event to engine", latency)
        at = next(i for i, w in enumerate(words) if w.get("evt_en") and w["evt"] == event)
        return back(n * len(words) + at)


def idle_path(t: Timeline) -> list[dict]:
    """Steps of frame 0, from the first input beat to the last output beat, with their cycles; they
    add up to its latency."""
    walk = _Walk(t)
    walk.add("output beats", t.record.outputs[0][1] - t.record.outputs[0][0])
    walk.add("element to output", isa.lat_neuron(t.program.config) + OUT_FIRST_BEAT)
    walk.element(walk.nth(walk.loop, "out_done", 0))
    return [{"step": what, "cycles": cycles} for what, cycles in reversed(walk.steps)]
