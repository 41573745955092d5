# SPDX-License-Identifier: Apache-2.0
"""The checkers that benches rely on find what they are there to find."""

import asyncio

import pytest

from tb.lib.checkers import Checker, CheckError


async def edge() -> None:
    """A clock edge of no clock."""


def test_takes_what_is_expected_in_order() -> None:
    c = Checker("c")
    c.expect(1)
    c.expect_all([2, 3])
    for item in (1, 2, 3):
        c.got(item)
    c.finish()
    assert c.count == 3


def test_fails_on_a_wrong_item() -> None:
    c = Checker("beats", hex)
    c.expect_all([16, 17])
    c.got(16)
    with pytest.raises(CheckError, match="beats: item 1: 0x12, expected 0x11"):
        c.got(18)


def test_fails_on_a_wrong_order() -> None:
    c = Checker("c")
    c.expect_all([1, 2])
    with pytest.raises(CheckError, match="item 0"):
        c.got(2)


def test_fails_on_an_unexpected_item() -> None:
    with pytest.raises(CheckError, match="unexpected 5"):
        Checker("c").got(5)


def test_fails_on_what_is_left() -> None:
    c = Checker("c")
    c.expect_all([7, 8])
    with pytest.raises(CheckError, match="2 items missing after 0, first 7"):
        c.finish()


def test_waits_no_longer_than_told() -> None:
    c = Checker("c")
    c.expect(1)
    edges = 0

    async def count() -> None:
        nonlocal edges
        edges += 1

    with pytest.raises(CheckError, match="missing"):
        asyncio.run(c.done(count, 30))
    assert edges == 30


def test_sees_what_comes_after_the_last_expected() -> None:
    c = Checker("c")
    c.expect(1)
    items = [1, 1]

    async def deliver() -> None:
        if items:
            c.got(items.pop())

    with pytest.raises(CheckError, match="unexpected"):
        asyncio.run(c.done(deliver, 10))


def test_done_without_complaint() -> None:
    c = Checker("c")
    asyncio.run(c.done(edge, 5))
