# SPDX-License-Identifier: Apache-2.0
"""csb_image_loader: the words for the memories, every error, and a good image after each."""

from __future__ import annotations

import dataclasses
import os
import random
import struct
import zlib
from collections.abc import Iterator

import cocotb
from cocotb.triggers import ClockCycles

from csb_rnn.machine import config, image, image_reader, isa
from csb_rnn.machine.error_codes import ERRORS
from csb_rnn.machine.image import Target
from tb.lib.axi import BeatSource, axis_source, beats
from tb.lib.checkers import Monitor
from tb.lib.stream import TAKEN_WITHIN, recoveries, reset, start_clock, until, within

CONFIG = config.load(
    os.environ.get("CSB_CONFIG", "tiny"),
    weight_depth=24,
    neuron_depth=32,
    acc_depth=16,
    bias_depth=12,
    state_depth=20,
    drain_depth=16,
    elem_depth=16,
    out_depth=8,
)


def parameters() -> dict[str, int]:
    """Parameters of the loader for ``CONFIG``."""
    c, m = CONFIG, image.memories(CONFIG)
    widths = {"PegW": Target.PEGROUP, "OutW": Target.OUT}
    depths = "weight neuron acc bias state drain elem out"
    return {
        "Groups": c.groups,
        "Lanes": c.lanes,
        "L": c.L,
        "StreamW": c.stream_w,
        "AccW": c.acc_w,
        "StateW": c.state_w,
        "ConfigHash": image.config_hash(c),
        **{name: m[target][0] for name, target in widths.items()},
        **{f"{d.capitalize()}Depth": getattr(c, f"{d}_depth") for d in depths.split()},
    }


class Bench:
    """The loader with a model of the memories behind its bus."""

    def __init__(self, dut, stall: float = 0.0, source=None) -> None:
        self.dut = dut
        self.memory: dict[tuple[int, int, int], int] = {}
        self.cleared: set[int] = set()
        self.results: list[str] = []
        self.source = (
            source(dut, "s_{}_i", "s_tready_o") if source else axis_source(dut, "s", stall)
        )
        dut.idle_i.value = 1
        dut.flush_i.value = 0
        dut.abort_i.value = 0
        start_clock(dut)
        Monitor(dut, lambda: dut.ld_we_o.value == 1, self._word, self._write).start()
        Monitor(
            dut,
            lambda: dut.clr_valid_o.value == 1,
            lambda: int(dut.clr_addr_o.value),
            self.cleared.add,
        ).start()
        Monitor(dut, lambda: dut.done_o.value == 1, lambda: "done", self.results.append).start()
        names = {code: name for name, (code, _) in ERRORS.items()}
        Monitor(
            dut,
            lambda: dut.error_o.value == 1,
            lambda: names[int(dut.error_code_o.value)],
            self.results.append,
        ).start()

    def _word(self) -> tuple[tuple[int, int, int], int, int]:
        dut = self.dut
        target = int(dut.ld_target_o.value)
        part = int(dut.ld_part_o.value)
        width = min(image.memories(CONFIG)[Target(target)][0] - part * isa.PART_W, isa.PART_W)
        data = dut.ld_data_o.value[width - 1 : 0].to_unsigned()
        return (target, int(dut.ld_index_o.value), int(dut.ld_addr_o.value)), part, data

    def _write(self, item: tuple[tuple[int, int, int], int, int]) -> None:
        at, part, data = item
        held, low = self.memory.get(at, 0), part * isa.PART_W
        held &= ~(((1 << isa.PART_W) - 1) << low)
        self.memory[at] = held | data << low

    async def load(self, data: bytes) -> str:
        """Sends an image and returns its result."""
        before = len(self.results)
        self.source.send_nowait(data)
        clock, limit = self.dut.clk_i, 20 * len(data) + 20000
        await until(clock, lambda: len(self.results) != before, limit, "done_o or error_o")
        await ClockCycles(self.dut.clk_i, 4)
        assert len(self.results) == before + 1, self.results
        return self.results[-1]

    def check(self, sections: list[image.Section]) -> None:
        """The memories hold the sections, and zeros where a load clears."""
        want = {
            (t, lane, addr): 0
            for t, depth in (
                (Target.BIAS, CONFIG.bias_depth),
                (Target.STATE, CONFIG.state_depth),
            )
            for lane in range(CONFIG.lanes)
            for addr in range(depth)
        }
        for s in sections:
            want |= {(s.target, s.index, s.addr + i): w for i, w in enumerate(s.words)}
        assert self.memory == want
        deepest = max(CONFIG.neuron_depth, CONFIG.acc_depth)
        assert self.cleared >= set(range(deepest))


async def bench(dut, stall: float = 0.0) -> Bench:
    b = Bench(dut, stall)
    await reset(dut)
    return b


def random_registers() -> list[int]:
    """A legal value of every program register; often the smallest or the largest."""
    limits = [image.config_limits(CONFIG)[f.name] for f in image.CONFIG]
    return [random.choice((low, high, random.randint(low, high))) for low, high in limits]


def random_sections(full: bool = False) -> list[image.Section]:
    """Sections of a good image: something for every memory, in any order."""
    out = []
    for target, (width, depth, count) in image.memories(CONFIG).items():
        for index in range(count):
            addr = 0 if full else random.randrange(depth)
            n = depth if full else random.randint(1, depth - addr)
            words = [random.getrandbits(width) for _ in range(n)]
            if target in (Target.PEGROUP, Target.DRAIN, Target.ELEM):
                words[random.randrange(n)] |= 1  # the program's last word
            if target is Target.CONFIG:
                addr, words = 0, random_registers()
            out.append(image.section(CONFIG, target, words, index, addr))
    random.shuffle(out)
    return out


def with_crc(data: bytes) -> bytes:
    """The image with its checksum made right again."""
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


def patched(data: bytes, word: int, value: int) -> bytes:
    return with_crc(data[: word * 4] + struct.pack("<I", value) + data[word * 4 + 4 :])


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5])
async def every_word_arrives(dut, stall: float) -> None:
    b = await bench(dut, stall)
    for full in (True, False):
        sections = random_sections(full)
        b.memory.clear()
        b.cleared.clear()
        data = image.pack(CONFIG, sections)
        assert image_reader.unpack(CONFIG, data) == sections
        assert await b.load(data) == "done"
        b.check(sections)


@cocotb.test
async def takes_a_word_every_cycle(dut) -> None:
    b = await bench(dut)
    data = image.pack(CONFIG, random_sections(True))
    taken: list[int] = []
    Monitor(
        dut,
        lambda: dut.s_tvalid_i.value == 1 and dut.s_tready_o.value == 1,
        lambda: 1,
        taken.append,
    ).start()
    sending = cocotb.start_soon(b.load(data))
    await until(dut.clk_i, lambda: bool(taken), 20000, "the first word that is taken")
    await ClockCycles(dut.clk_i, len(data) // 4 - 1)
    await within(1000, sending)
    assert len(taken) == len(data) // 4


@cocotb.test
async def waits_for_a_machine_at_rest(dut) -> None:
    b = await bench(dut)
    dut.idle_i.value = 0
    sections = random_sections()
    loading = cocotb.start_soon(b.load(image.pack(CONFIG, sections)))
    await ClockCycles(dut.clk_i, 50)
    assert dut.busy_o.value == 1
    assert dut.s_tready_o.value == 0
    assert not b.memory
    assert not b.cleared
    dut.idle_i.value = 1
    assert await within(40000, loading) == "done"
    b.check(sections)
    assert dut.busy_o.value == 0


def golden_error(data: bytes) -> str | None:
    """The fault found by the reader in csb_rnn.machine.image."""
    try:
        image_reader.unpack(CONFIG, data)
    except image.ImageError as e:
        return e.error
    return None


def bad_images() -> dict[str, tuple[str, bytes]]:
    """Every way to be wrong: name -> (error, image)."""
    words = [random.getrandbits(24) for _ in range(5)]
    whole = random_sections()
    good = image.pack(CONFIG, [image.section(CONFIG, Target.STATE, words, 1, 3)])
    n = len(good) // 4
    head = 4  # first word of the section header
    width = isa.pegroup_width(CONFIG)
    return {
        "magic": ("magic", patched(good, 0, image.MAGIC ^ 1)),
        "magic_and_short": ("magic", b"\0\0\0\0"),
        "version": ("version", patched(good, 1, 7)),
        "config": ("config", patched(good, 2, image.config_hash(CONFIG) ^ 1)),
        "too_short_for_its_header": ("length", good[:12]),
        "tlast_early_in_data": ("length", good[:-8]),
        "tlast_early_in_section_header": ("length", good[: 4 * 6]),
        "tlast_late": ("length", good + b"\1\2\3\4"),
        "length_small": ("length", patched(good, 3, n - 1)),
        "length_large": ("length", patched(good, 3, n + 1)),
        "length_tiny": ("length", patched(good, 3, 2)),
        "crc": ("crc", good[:-1] + bytes([good[-1] ^ 0x80])),
        "crc_data": ("crc", good[:-8] + bytes([good[-8] ^ 1]) + good[-7:]),
        "target": ("section", patched(good, head, 7)),
        "reserved": ("section", patched(good, head, Target.STATE | 1 << 8 | 1 << 24)),
        "index": ("section", patched(good, head, Target.STATE | CONFIG.lanes << 8)),
        "index_peg": ("section", patched(good, head, Target.PEGROUP | CONFIG.groups << 8)),
        "index_single": ("section", patched(good, head, Target.DRAIN | 1 << 8)),
        "address": ("section", patched(good, head + 1, CONFIG.state_depth - 4)),
        "address_huge": ("section", patched(good, head + 1, 1 << 16)),
        "count": ("section", patched(good, head + 2, CONFIG.state_depth)),
        "count_huge": ("section", patched(good, head + 2, 1 << 17 | 5)),
        "count_zero": ("section", patched(good, head + 2, 0)),
        "data_past_the_end": ("length", patched(good, head + 2, 6)),
        "section_past_the_end": ("length", patched(good, head + 2, 3)),
        "wide_past_the_end": (
            "length",
            patched(good, head, Target.PEGROUP) if width > 32 else patched(good, head + 2, 6),
        ),
        "no_section": ("missing", image.pack(CONFIG, [])),
        "state_alone": ("missing", good),
        **{f"no_{name}": ("missing", data) for name, data in incomplete(whole)},
        **{f"value_{name}": ("value", data) for name, data in bad_values(whole)},
    }


def incomplete(whole: list[image.Section]) -> Iterator[tuple[str, bytes]]:
    """Images without a part, or without a program's last word, or with the registers in two
    halves."""
    for s in whole:
        name = f"{s.target.name}_{s.index}"
        others = [other for other in whole if other is not s]
        if s.target not in (Target.BIAS, Target.STATE):
            yield name, image.pack(CONFIG, others)
        if s.target in (Target.PEGROUP, Target.DRAIN, Target.ELEM):
            words = tuple(w & ~1 for w in s.words)
            yield f"last_{name}", image.pack(CONFIG, [*others, dataclasses.replace(s, words=words)])
        if s.target is Target.CONFIG:
            halves = [
                image.section(CONFIG, s.target, s.words[at : at + 4], addr=at) for at in (0, 4)
            ]
            yield "whole_CONFIG", image.pack(CONFIG, [*others, *halves])


def bad_values(whole: list[image.Section]) -> Iterator[tuple[str, bytes]]:
    """Images with one program register out of its range, in the section of all or a later one."""
    for at, f in enumerate(image.CONFIG):
        low, high = image.config_limits(CONFIG)[f.name]
        for value in {low - 1, high + 1, (1 << random.randint(16, 31)) + low} - {-1}:
            registers = random_registers()
            registers[at] = value
            bad = image.section(CONFIG, Target.CONFIG, registers)
            if random.random() < 0.5:
                bad = image.section(CONFIG, Target.CONFIG, [value], addr=at)
            others = [s for s in whole if s.target is not Target.CONFIG]
            yield f"{f.name}_{value}", image.pack(CONFIG, [bad, *others])
    # Of a section cut in its second word, by the checksum's place or by TLAST.
    bad = image.pack(CONFIG, [image.section(CONFIG, Target.CONFIG, [9, 0])])
    yield "before_the_cut", patched(bad, 3, len(bad) // 4 - 1)
    yield "before_tlast", bad[:-4]


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5])
async def every_error_then_a_good_image(dut, stall: float) -> None:
    b = await bench(dut, stall)
    for name, (error, data) in bad_images().items():
        if stall and random.random() < 0.7:
            continue
        got = await b.load(data)
        assert got == error, f"{name}: {got}, expected {error}"
        assert golden_error(data) == error, f"{name}: golden says {golden_error(data)}"
        sections = random_sections()
        b.memory.clear()
        b.cleared.clear()
        assert await b.load(image.pack(CONFIG, sections)) == "done", f"after {name}"
        b.check(sections)


async def feed(dut, words: list[int], last: bool = False) -> None:
    """Sends words without the source, which would end them with TLAST."""
    for i, word in enumerate(words):
        dut.s_tvalid_i.value = 1
        dut.s_tdata_i.value = word
        dut.s_tlast_i.value = int(last and i == len(words) - 1)
        await until(dut.clk_i, lambda: dut.s_tready_o.value == 1, 20_000, "s_tready_o")
    dut.s_tvalid_i.value = 0


@cocotb.test
async def an_error_is_told_at_once(dut) -> None:
    """No TLAST comes, then it does: one result, in the cycle after the wrong word."""
    b = await bench(dut)
    sections = random_sections()
    await feed(dut, [0xDEAD])
    await ClockCycles(dut.clk_i, 2)
    assert b.results == ["magic"]
    await feed(dut, [1, 2, 3])
    await ClockCycles(dut.clk_i, 500)
    assert dut.busy_o.value == 1
    await feed(dut, [4], last=True)
    await ClockCycles(dut.clk_i, 5)
    assert dut.busy_o.value == 0
    assert b.results == ["magic"]
    assert await b.load(image.pack(CONFIG, sections)) == "done"
    b.check(sections)


@cocotb.test
async def abort_anywhere(dut) -> None:
    """An image is cut after any word, also after a refused one: the next one is good."""
    b = await bench(dut)
    good = image.words32(image.pack(CONFIG, random_sections()))
    bad = image.words32(next(bad_values(random_sections()))[1])
    for words, n in [(w, n) for w in (good, bad) for n in (1, 4, 6, 9, 30, len(w) - 1)]:
        told = len(b.results)
        await feed(dut, words[:n])
        await ClockCycles(dut.clk_i, 3)
        assert dut.busy_o.value == 1
        dut.abort_i.value = 1
        await ClockCycles(dut.clk_i, 1)
        dut.abort_i.value = 0
        await ClockCycles(dut.clk_i, 3)
        assert dut.busy_o.value == 0
        assert len(b.results) <= told + (words is bad)
        sections = random_sections()
        b.memory.clear()
        b.cleared.clear()
        assert await b.load(image.pack(CONFIG, sections)) == "done"
        b.check(sections)


@cocotb.test
async def reset_in_mid_image(dut) -> None:
    b = await bench(dut)
    data = image.pack(CONFIG, random_sections(True))
    for cycles in (3, 60, 900, 1300):
        b.source.send_nowait(data)
        await ClockCycles(dut.clk_i, cycles)
        b.source.clear()
        await reset(dut, 3)
        await ClockCycles(dut.clk_i, 1)
        assert dut.busy_o.value == 0
        assert dut.s_tready_o.value == 0
        sections = random_sections()
        b.memory.clear()
        b.cleared.clear()
        assert await b.load(image.pack(CONFIG, sections)) == "done"
        b.check(sections)


#: Cycles of clearing memories in a load, about.
CLEARING = CONFIG.lanes * (CONFIG.bias_depth + CONFIG.state_depth)


@cocotb.test
async def drawn_transfers_that_end_early(dut) -> None:
    """Images, good and bad ones, that the source leaves in any word or before the first is taken,
    without a TLAST: a flush ends each with one error, and the next word is the first of an image.
    Every fourth one is good and has to be loaded."""
    b = Bench(dut, source=BeatSource)
    await reset(dut)
    for n in range(recoveries()):
        sections = random_sections()
        data = image.pack(CONFIG, sections)
        before = len(b.results)
        b.source.stall = random.choice((0, 0.5))
        if n % 4 == 3:
            b.memory.clear()
            b.cleared.clear()
            b.source.send(beats(data, 4))
            limit = 20 * len(data) + 20000
            await until(dut.clk_i, lambda n=before: len(b.results) > n, limit, "a result")
            await ClockCycles(dut.clk_i, 4)
            assert b.results[before:] == ["done"]
            b.check(sections)
            continue
        good = random.random() < 0.5
        sent = beats(data if good else random.choice(list(bad_images().values()))[1], 4)
        dut.idle_i.value = random.getrandbits(1)
        b.source.send(sent[: random.randint(1, len(sent) - 1) if len(sent) > 1 else 1], last=False)
        # An image has begun once a word was offered; a stalling source takes its time.
        await until(dut.clk_i, lambda: b.source.offers, TAKEN_WITHIN, "the first word")
        await ClockCycles(dut.clk_i, random.randint(3, 2 * CLEARING + 2 * len(sent)))
        b.source.reset()
        dut.flush_i.value = 1
        await ClockCycles(dut.clk_i, random.randint(3, 70))
        dut.flush_i.value = 0
        dut.idle_i.value = 1
        await ClockCycles(dut.clk_i, 3)
        assert (dut.busy_o.value, dut.s_tready_o.value) == (0, 0)
        assert len(b.results) == before + 1, b.results[before:]
        assert b.results[-1] == "flushed" if good else b.results[-1] != "done"
