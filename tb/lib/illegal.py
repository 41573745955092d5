# SPDX-License-Identifier: Apache-2.0
"""Illegal images from legal ones: possible work of a damaged compiler, a wrong file or a stranger.

Every image has a right checksum. Most are refused by nothing: their programs wait for marks that
nobody sets, post without end, jump nowhere. Some are refused at load, and some mutations do no
harm; the machine must end in each case, in output frames or in an error code.
"""

from __future__ import annotations

import dataclasses
import random
import struct
import zlib
from collections.abc import Callable

from csb_rnn.machine import image, isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.image import Section, Target

PROGRAMS = {Target.PEGROUP: isa.PEG_CTL, Target.DRAIN: isa.DRAIN, Target.ELEM: isa.ELEM}
Sections = list[Section]


def _pick(rng: random.Random, sections: Sections, *targets: Target) -> int:
    """The place of a random section of one of these targets."""
    return rng.choice([i for i, s in enumerate(sections) if s.target in targets])


def _put(sections: Sections, i: int, words: list[int]) -> None:
    sections[i] = dataclasses.replace(sections[i], words=tuple(words))


def _with(fields: tuple[isa.Field, ...], word: int, name: str, value: int) -> int:
    """A word with one field replaced; bits above the fields stay."""
    lsb = 0
    for f in fields:
        if f.name == name:
            mask = (1 << f.width) - 1
            return word & ~(mask << lsb) | (value & mask) << lsb
        lsb += f.width
    raise KeyError(name)


def random_fields(c: Config, rng: random.Random, sections: Sections) -> None:
    """Some fields of some words get random values."""
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        i = _pick(rng, sections, *PROGRAMS)
        fields, words = PROGRAMS[sections[i].target], list(sections[i].words)
        at, f = rng.randrange(len(words)), rng.choice(fields)
        words[at] = _with(fields, words[at], f.name, rng.getrandbits(f.width))
        _put(sections, i, words)


def one_field_everywhere(c: Config, rng: random.Random, sections: Sections) -> None:
    """One field has the same value in all words of a kind of program: no marks, all events 3."""
    target = rng.choice(list(PROGRAMS))
    f = rng.choice([f for f in PROGRAMS[target] if f.name != "last"])
    value = rng.choice((0, (1 << f.width) - 1, rng.getrandbits(f.width)))
    for i, s in enumerate(sections):
        if s.target == target and rng.random() < 0.8:
            _put(sections, i, [_with(PROGRAMS[target], w, f.name, value) for w in s.words])


def random_bits(c: Config, rng: random.Random, sections: Sections) -> None:
    """Bits of programs and of the output table flip."""
    for _ in range(rng.choice((1, 3, 30, 300))):
        i = _pick(rng, sections, *PROGRAMS, Target.OUT)
        words, width = list(sections[i].words), image.memories(c)[sections[i].target][0]
        words[rng.randrange(len(words))] ^= 1 << rng.randrange(width)
        _put(sections, i, words)


def random_words(c: Config, rng: random.Random, sections: Sections) -> None:
    """A whole section of noise; a program keeps its last word."""
    i = _pick(rng, sections, *PROGRAMS, Target.OUT)
    width = image.memories(c)[sections[i].target][0]
    words = [rng.getrandbits(width) & ~1 for _ in sections[i].words]
    words[-1] |= 1
    _put(sections, i, words)


def last_words(c: Config, rng: random.Random, sections: Sections) -> None:
    """A program ends early, twice, or nowhere."""
    i = _pick(rng, sections, *PROGRAMS)
    words, at = list(sections[i].words), rng.randrange(len(sections[i].words))
    kind = rng.choice(("early", "twice", "never"))
    if kind != "twice":
        words[-1] &= ~1
    if kind != "never":
        words[at] |= 1
    _put(sections, i, words)


def registers(c: Config, rng: random.Random, sections: Sections) -> None:
    """Program registers have other values: legal ones, ends of their ranges, or beyond."""
    i = _pick(rng, sections, Target.CONFIG)
    words = list(sections[i].words)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(image.CONFIG))
        low, high = image.config_limits(c)[image.CONFIG[at].name]
        beyond = rng.choice((high + 1, max(0, low - 1), rng.getrandbits(32)))
        words[at] = rng.choice((rng.randint(low, high), low, high, beyond))
    _put(sections, i, words)


def order(c: Config, rng: random.Random, sections: Sections) -> None:
    """Sections are missing, there twice, of one another's memory, or in another order."""
    for _ in range(rng.randint(1, 3)):
        kind, i = rng.choice(("drop", "double", "swap", "shuffle")), rng.randrange(len(sections))
        if kind == "drop" and len(sections) > 1:
            del sections[i]
        elif kind == "double":
            s, at = sections[i], rng.randrange(len(sections[i].words))
            sections.append(dataclasses.replace(s, addr=s.addr + at, words=s.words[at:]))
        elif kind == "swap":
            same = [j for j, s in enumerate(sections) if s.target == sections[i].target]
            j = rng.choice(same)
            a, b = sections[i], sections[j]
            sections[i] = dataclasses.replace(a, index=b.index)
            sections[j] = dataclasses.replace(b, index=a.index)
        else:
            rng.shuffle(sections)


def lengths(c: Config, rng: random.Random, sections: Sections) -> None:
    """Programs are cut or moved."""
    i = _pick(rng, sections, *PROGRAMS, Target.OUT)
    s, at = sections[i], rng.randrange(len(sections[i].words))
    if rng.random() < 0.5:
        sections[i] = dataclasses.replace(s, words=(*s.words[:at], s.words[-1]))
    else:
        depth = image.memories(c)[s.target][1]
        sections[i] = dataclasses.replace(s, addr=rng.randint(0, depth - len(s.words)))


MUTATIONS: tuple[Callable[[Config, random.Random, Sections], None], ...] = (
    *(random_fields, one_field_everywhere, one_field_everywhere, random_bits, random_words),
    *(last_words, registers, registers, order, lengths),
)


def draw(c: Config, rng: random.Random, legal: list[Sections]) -> tuple[str, bytes]:
    """An illegal image from one of the legal ones, with a right checksum; and its recipe."""
    sections = list(rng.choice(legal))
    recipe = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        mutation = rng.choice(MUTATIONS)
        if any(s.target in PROGRAMS for s in sections):
            try:
                mutation(c, rng, sections)
            except IndexError:  # no such section is left
                continue
            recipe.append(mutation.__name__)
    data = image.pack(c, sections)
    if rng.random() < 0.05:  # any word of the stream
        words = image.words32(data[:-4])
        words[rng.randrange(len(words))] ^= 1 << rng.randrange(32)
        data = struct.pack(f"<{len(words)}I", *words)
        data += struct.pack("<I", zlib.crc32(data))
        recipe.append("word")
    return "+".join(recipe), data
