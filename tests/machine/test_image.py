# SPDX-License-Identifier: Apache-2.0
"""The image format: round trip, size, refusals of the writer. The errors that a reader finds
are compared with the RTL in tb/interface/test_image_loader.py."""

import random
import zlib

import pytest

from csb_rnn.machine import config, image, image_reader
from csb_rnn.machine.image import ImageError, Target


@pytest.mark.parametrize("name", config.names())
def test_round_trip(name: str, seed: int) -> None:
    c = config.load(name)
    rng = random.Random(seed)
    sections = []
    for target, (width, depth, count) in image.memories(c).items():
        for index in range(count):
            addr = rng.randrange(depth)
            words = [rng.getrandbits(width) | 1 for _ in range(min(20, depth - addr))]
            if target is Target.CONFIG:
                addr, words = 0, [rng.randint(*v) for v in image.config_limits(c).values()]
            sections.append(image.section(c, target, words, index, addr))
    data = image.pack(c, sections)
    assert image_reader.unpack(c, data) == sections
    assert len(data) == 4 * image.words32(data)[3]
    assert zlib.crc32(data) == 0x2144DF1C  # of every message with its CRC behind it
    assert [int(w, 16) for w in image.memh(data).split()] == image.words32(data)


def test_negative_words_are_twos_complement() -> None:
    c = config.load("tiny")
    s = image.section(c, Target.BIAS, [-1, -5])
    assert s.words == ((1 << c.acc_w) - 1, (1 << c.acc_w) - 5)


@pytest.mark.parametrize(
    ("target", "words", "index", "addr", "message"),
    [
        (Target.STATE, [1], 4, 0, "no index 4"),
        (Target.STATE, [1] * 3, 0, 510, "3 words from 510 in 512"),
        (Target.STATE, [], 0, 0, "0 words"),
        (Target.STATE, [1 << 24], 0, 0, "exceeds 24 bits"),
        (Target.STATE, [-(1 << 23) - 1], 0, 0, "exceeds 24 bits"),
    ],
)
def test_refuses(target: Target, words: list[int], index: int, addr: int, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        image.section(config.load("tiny"), target, words, index, addr)


def test_refuses_an_incomplete_configuration() -> None:
    with pytest.raises(ImageError, match="missing or unknown"):
        image.config_section(config.load("tiny"), {"streams": 1})


@pytest.mark.parametrize("name", [f.name for f in image.CONFIG])
def test_refuses_a_register_out_of_its_range(name: str) -> None:
    c = config.load("tiny")
    low, high = image.config_limits(c)[name]
    good = {n: limits[1] for n, limits in image.config_limits(c).items()}
    assert image.config_section(c, good).words == tuple(good.values())
    for value in (low - 1, high + 1):
        with pytest.raises(ImageError, match=f"CONFIG.{name} is {value}: must be {low}") as error:
            image.config_section(c, good | {name: value})
        assert error.value.error == "value"


def test_names_what_an_image_lacks() -> None:
    c = config.load("tiny")
    last = {t: [1] for t in (Target.DRAIN, Target.ELEM, Target.OUT)}
    sections = [image.section(c, t, words) for t, words in last.items()]
    sections += [image.section(c, Target.PEGROUP, [1 - (g == 2)], g) for g in range(c.groups)]
    with pytest.raises(ImageError, match=r"the image lacks CONFIG, PEGROUP 2$"):
        image_reader.unpack(c, image.pack(c, sections))


def test_every_parameter_changes_the_hash() -> None:
    c = config.load("small")
    hashes = {image.config_hash(c)}
    changes = {"K": 3, "P": 5, "Q": 3, "data_w": 12, "state_w": 25, "state_frac": 12}
    changes |= {"share_h": 0, "share_v": 1, "acc_depth": 256, "out_depth": 128, "x_per_cycle": 1}
    for key, value in changes.items():
        hashes.add(image.config_hash(config.load("small", **{key: value})))
    assert len(hashes) == len(changes) + 1
    assert image.config_hash(config.load("small", parity=1)) in hashes, "images are the same"
    assert all(0 <= h < 1 << 31 for h in hashes)


def test_out_word_places() -> None:
    c = config.load("odd")
    word = image.out_word(c, [(3, 4), (200, 1)])
    w = image.out_entry_width(c)
    assert word & (1 << w) - 1 == 3 | 4 << 8
    assert word >> w == 200 | 1 << 8
    with pytest.raises(ValueError, match="outside"):
        image.out_word(c, [(0, 5)])
