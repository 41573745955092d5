# SPDX-License-Identifier: Apache-2.0
"""A PEGroup in Python, written from docs/reference/isa.md: random legal programs, their results.

Accumulators and neurons change as soon as a word issues; a bench asks for an accumulator only when
the store has landed by the contract (:meth:`PegroupModel.readable`).
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from tb.lib.datapath_model import random_signed, signed


@dataclasses.dataclass
class Word:
    """One word: its control fields, the fields of each PE row and those of each share group."""

    ctl: dict[str, int]
    pe_rows: list[dict[str, int]]
    shares: list[dict[str, int]]

    def encode(self, c: Config) -> int:
        """The bits of the word; fields absent in the configuration are left out."""
        word, pos = isa.encode(isa.PEG_CTL, self.ctl), isa.width(isa.PEG_CTL)
        for g, share in enumerate(self.shares):
            for f in isa.section(c):
                of = share if f.pe_row is None else self.pe_rows[g * c.shared_cols + f.pe_row]
                value = of.get(f.key, 0)
                if not 0 <= value < 1 << f.width:
                    raise ValueError(f"field {f.label}: {value} does not fit {f.width} bits")
                word |= value << pos
                pos += f.width
        return word


def bank_of(c: Config, pe_row: dict[str, int]) -> int:
    return pe_row.get("vert", 0) * c.drain_banks + pe_row.get("bank", 0)


# --- programs ---------------------------------------------------------------------------------
def _pes(c: Config, idle: bool) -> dict[str, int]:
    """Weights; those of an idle PE row are zero."""
    out = {}
    for q in range(c.Q):
        weight = 0 if idle or random.random() < 0.2 else random_signed(c.weight_w)
        out[f"w{q}"] = weight & ((1 << c.weight_w) - 1)
    return out


def _share(c: Config) -> dict[str, int]:
    """The reads of a share group: any, as idle PE rows have weights of zero."""
    out = {"pp": random.getrandbits(1)}
    for q in range(c.Q):
        out[f"c{q}"] = random.randrange(c.neuron_depth)
        out[f"s{q}"] = random.randrange(len(c.sides))
    return out


def _idle(c: Config) -> dict[str, int]:
    return _pes(c, True)


def random_pe_row(c: Config, begin: int, end: int, rows: list[int]) -> list[dict[str, int]]:
    """Streaks of one PE row in words ``begin`` to ``end``, on ``rows`` (and their copies with the
    top bit set), as close behind each other as ``acc_raw`` allows."""
    half = c.acc_half
    out: list[dict[str, int]] = []
    stored: dict[tuple[int, int], int] = {}  # (bank, row without its top bit) -> word
    visited: set[tuple[int, int]] = set()
    while len(out) < end - begin:
        pos = len(out)
        free = [
            (bank, row)
            for bank in range(c.banks)
            for row in rows
            if stored.get((bank, row), -isa.acc_raw(c)) + isa.acc_raw(c) <= pos
        ]
        if not free or random.random() < 0.15:
            out.append(_idle(c))
            continue
        earliest = [key for key in free if stored.get(key) == pos - isa.acc_raw(c)]
        bank, low = random.choice(earliest if earliest and random.random() < 0.6 else free)
        row = low + random.choice((0, half))
        length = min(random.choice((1, 1, 1, 2, 3, 7)), end - begin - pos)
        clr = int((bank, row) not in visited or random.random() < 0.1)
        visited.add((bank, row))
        for i in range(length):
            pe_row = _pes(c, False)
            pe_row |= {"row": row, "vert": bank // c.drain_banks, "bank": bank % c.drain_banks}
            pe_row |= {"first": int(i == 0), "store": int(i == length - 1), "clr": clr}
            out.append(pe_row)
        stored[bank, low] = len(out) - 1
    return out


def _distance_over_the_end(c: Config, pe_rows: list[list[dict[str, int]]]) -> int:
    """Missing words at the end, for ``acc_raw`` in the next iteration too."""
    missing = 0
    for pe_row in pe_rows:
        first: dict[tuple[int, int], int] = {}
        last: dict[tuple[int, int], int] = {}
        for pos, fields in enumerate(pe_row):
            if "row" in fields:
                key = (bank_of(c, fields), fields["row"] % c.acc_half)
                first.setdefault(key, pos)
                if fields["store"]:
                    last[key] = pos
        for key, pos in last.items():
            missing = max(missing, isa.acc_raw(c) - (len(pe_row) - pos + first[key]))
    return missing


def random_program(c: Config, length: int) -> list[Word]:
    """A legal program of about so many words."""
    half = c.acc_half
    parts = random.choice((1, 2)) if length > 1 else 1
    bounds = [0, length] if parts == 1 else [0, random.randrange(1, length), length]
    pe_rows: list[list[dict[str, int]]] = [[] for _ in range(c.P)]
    acc_pp: list[int] = []
    for part in range(parts):  # accumulators of a part are double-buffered, or are not
        begin, end = bounds[part : part + 2]
        for pe_row in pe_rows:
            pe_row += random_pe_row(c, begin, end, list(range(part, half, parts)))
        acc_pp += [random.getrandbits(1)] * (end - begin)
    for _ in range(_distance_over_the_end(c, pe_rows)):
        acc_pp.append(random.getrandbits(1))
        for pe_row in pe_rows:
            pe_row.append(_idle(c))
    words = []
    waits = random.choice((0.0, 0.1, 0.5))
    for pos, pp in enumerate(acc_pp):
        ctl = {f.name: random.getrandbits(f.width) for f in isa.PEG_CTL}
        ctl |= {"last": int(pos == len(acc_pp) - 1), "acc_pp": pp}
        ctl |= {f"w{i}_en": int(random.random() < waits) for i in (0, 1)}
        shares = [_share(c) for _ in range(c.share_groups)]
        words.append(Word(ctl, [pe_row[pos] for pe_row in pe_rows], shares))
    return words


# --- the machine ------------------------------------------------------------------------------
class PegroupModel:
    """Neurons, accumulators and the place in the program."""

    def __init__(self, c: Config) -> None:
        self.c = c
        self.neurons = [[0] * c.neuron_depth for _ in c.sides]
        self.acc: dict[tuple[int, int, int], int] = {}  # PE row, bank, row; absent: not known
        self.stored: dict[tuple[int, int, int], int] = {}  # cycle of the last store
        self.sums = [0] * c.P
        self.words: list[Word] = []
        self.streams, self.pc, self.iteration = 1, 0, 0

    def start(self, words: list[Word], streams: int) -> None:
        self.words, self.streams = words, streams
        self.pc = self.iteration = 0

    def zero(self) -> None:
        """Every accumulator and neuron."""
        for side in self.neurons:
            side[:] = [0] * len(side)
        for p in range(self.c.P):
            for bank in range(self.c.banks):
                for row in range(self.c.acc_depth):
                    self.acc[p, bank, row] = 0

    def forget(self) -> None:
        """A stop: what was on its way to the accumulators may arrive or not."""
        self.acc.clear()
        self.stored.clear()

    # --- program order
    @property
    def word(self) -> Word:
        return self.words[self.pc]

    def ahead(self, count: int) -> Iterator[tuple[Word, int]]:
        """The next words with the iteration of each, the current one first."""
        pc, n = self.pc, self.iteration
        for _ in range(count):
            yield self.words[pc], n
            last = self.words[pc].ctl["last"]
            pc, n = (0, n + 1) if last else (pc + 1, n)

    def lag(self, name: str) -> int:
        return isa.lag_iterations(self.streams)[name]

    def waits(self) -> list[tuple[int, str]]:
        """(event, lag) of the current word's waits."""
        return isa.peg_waits(self.word.ctl)

    def ready(self, events: list[int]) -> bool:
        """Whether the current word may issue; ``events`` count without wrapping."""
        return all(events[e] >= self.iteration - self.lag(lag) + 1 for e, lag in self.waits())

    # --- addresses
    def reads(self, word: Word, n: int) -> list[list[tuple[int, int]]]:
        """(side, address) of each PE of each PE row in iteration n."""
        c, stream, parity = self.c, n % self.streams, n // self.streams % 2
        out = []
        for share in word.shares:
            toggle = sum((stream >> i & 1) << (c.neuron_aw - 2 - i) for i in range(3))
            if share["pp"]:
                toggle |= parity << (c.neuron_aw - 1)
            at = [(share[f"s{q}"], share[f"c{q}"] ^ toggle) for q in range(c.Q)]
            out += [at] * c.shared_cols
        return out

    def counted(self, word: Word, n: int) -> set[tuple[int, int]]:
        """What :meth:`reads` says, without the PEs whose weight is zero."""
        pairs = zip(word.pe_rows, self.reads(word, n), strict=True)
        return {at for pe_row, ats in pairs for q, at in enumerate(ats) if pe_row[f"w{q}"]}

    # --- execution
    def issue(self, cycle: int) -> None:
        """The current word issues."""
        c, word, n = self.c, self.word, self.iteration
        for p, (pe_row, reads) in enumerate(zip(word.pe_rows, self.reads(word, n), strict=True)):
            if "row" not in pe_row:
                continue
            row = pe_row["row"] ^ (word.ctl["acc_pp"] & n) * c.acc_half
            key = (p, bank_of(c, pe_row), row)
            if pe_row["first"]:
                self.sums[p] = 0 if pe_row["clr"] else self.acc[key]
            for q, (side, address) in enumerate(reads):
                self.sums[p] += signed(pe_row[f"w{q}"], c.weight_w) * self.neurons[side][address]
            if pe_row["store"]:
                self.acc[key] = self.sums[p]
                self.stored[key] = cycle
        last = word.ctl["last"]
        self.pc, self.iteration = (0, n + 1) if last else (self.pc + 1, n)

    def readable(self, row: int, cycle: int) -> bool:
        """Whether the drain may read a row in this cycle: no store of it is on its way."""
        every = ((p, b, row) for p in range(self.c.P) for b in range(self.c.banks))
        latency = isa.lat_stored(self.c)
        return all(self.stored.get(k, -latency) + latency <= cycle for k in every)
