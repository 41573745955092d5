# SPDX-License-Identifier: Apache-2.0
"""Extents of axes: a number, or a product of a number and named unknowns.

A file with dynamic axes says ``batch`` and ``time`` instead of numbers. The importer computes with
those names: ``batch * time * 4`` stays a product, and two extents are equal only if they are the
same product. A sum of unknowns, such as ``time - 1``, becomes an unknown of its own name.

Example: ``times(Unknown("time"), 4)`` prints as ``4*time``; ``divide`` of it by 4 is ``time``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard


@dataclass(frozen=True)
class Product:
    """``factor`` times the unknowns of ``names``, which are sorted and at least one."""

    factor: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        parts = [str(self.factor)] if self.factor != 1 else []
        return "*".join([*parts, *self.names])


Extent = int | Product


def unknown(name: str) -> Product:
    """An extent with a name alone; it is at least 1."""
    return Product(1, (name,))


def is_known(extent: Any) -> TypeGuard[int]:
    """Whether an extent is a number."""
    return not isinstance(extent, Product)


def times(*extents: Extent) -> Extent:
    """The product of extents; 1 of none."""
    factor = 1
    names: list[str] = []
    for e in extents:
        factor *= e.factor if isinstance(e, Product) else int(e)
        names += e.names if isinstance(e, Product) else ()
    return Product(factor, tuple(sorted(names))) if names and factor else factor


def divide(a: Extent, b: Extent) -> Extent | None:
    """``a / b`` if it is an extent, else None."""
    above = a.factor if isinstance(a, Product) else int(a)
    below = b.factor if isinstance(b, Product) else int(b)
    names = list(a.names) if isinstance(a, Product) else []
    for n in b.names if isinstance(b, Product) else ():
        if n not in names:
            return None
        names.remove(n)
    if below == 0 or above % below:
        return None
    return times(above // below, Product(1, tuple(names))) if names else above // below


def add(a: Extent, b: Extent, sign: int = 1) -> Extent:
    """``a + sign * b``; a sum other than a product is an unknown of its own."""
    if is_known(a) and is_known(b):
        return int(a) + sign * int(b)
    if is_known(b) and int(b) == 0:
        return a
    if is_known(a) and int(a) == 0 and sign == 1:
        return b
    if isinstance(a, Product) and isinstance(b, Product) and a.names == b.names:
        return times(a.factor + sign * b.factor, Product(1, a.names))
    return unknown(f"({a} {'+' if sign > 0 else '-'} {b})")
