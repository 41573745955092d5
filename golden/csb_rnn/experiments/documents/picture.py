# SPDX-License-Identifier: Apache-2.0
"""The picture of the README as SVG: a gate of a shipped network, one block, the machine ``small``.

All of it is drawn from the real thing: the weights of ``checkpoints/z2_gru.npz`` and the shape of
the configuration. Example: the block with the 8 x 8 kernel is rows 384 to 415, columns 64 to 95.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.machine.folders import ROOT
from csb_rnn.network.checkpoint_files import read_checkpoint

FILE = ROOT / "docs/overview.svg"
MODEL, MATRIX, GATE, BLOCK = "z2_gru", "weight_hh_l0", 1, 32
PLACE = (4, 2)  # block-row in the gate and block-column of the large block
COLOURS = ("#1f6fb4", "#d9822b", "#3a923a", "#a0489c", "#7a5195", "#b8860b", "#2a9d8f", "#c44e52")
STYLE = (
    "text{font:13px sans-serif;fill:#222}.t{font-weight:bold;font-size:14px}"
    ".s{font-size:11px;fill:#555}.b{fill:none;stroke:#bbb}.k{fill:#222}.m{fill:none;stroke:#d62728}"
)


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def box(x: float, y: float, w: float, h: float, kind: str = "", fill: str = "") -> str:
    """A rectangle."""
    colour = f' fill="{fill}"' if fill else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" class="{kind}"{colour}/>'


def arrow(points: str) -> str:
    """A line with a head."""
    return f'<polyline points="{points}" fill="none" stroke="#444" marker-end="url(#head)"/>'


def kept_weights(kept: np.ndarray, x: float, y: float, size: float) -> str:
    """A path with a bar for each stretch of kept weights of a row."""
    path = []
    for row, line in enumerate(kept):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
        for begin, end in edges.reshape(-1, 2):
            path.append(
                f"M{x + begin * size:g} {y + row * size:g}h{(end - begin) * size:g}v{size:g}"
                f"h{(begin - end) * size:g}z"
            )
    return f'<path class="k" d="{"".join(path)}"/>'


def matrix(kept: np.ndarray, x: float, y: float) -> Iterator[str]:
    """The gate with the grid of its blocks, a weight a unit of the picture."""
    height, width = kept.shape
    yield text(x, y - 24, "A weight matrix", "t")
    yield text(x, y - 8, f"a gate of a GRU, {height} x {width}, in blocks")
    for row in range(0, height, BLOCK):
        for col in range(0, width, BLOCK):
            yield box(x + col, y + row, BLOCK, BLOCK, "b")
    yield kept_weights(kept, x, y, 1)
    yield box(x + PLACE[1] * BLOCK, y + PLACE[0] * BLOCK, BLOCK, BLOCK, "m")
    rate = kept.size / np.count_nonzero(kept)
    yield text(x, y + height + 18, f"{np.count_nonzero(kept):,} weights kept: 1 of {rate:.0f}", "s")


def block(kept: np.ndarray, x: float, y: float) -> Iterator[str]:
    """The block and its kernel."""
    size = 5
    rows, cols = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
    yield text(x, y - 24, "A block and its kernel", "t")
    yield text(x, y - 8, f"{BLOCK} x {BLOCK}: {len(rows)} rows, {len(cols)} columns stay")
    for row in rows:
        yield box(x, y + row * size, BLOCK * size, size, "", "#fde3c8")
    for col in cols:
        yield box(x + col * size, y, size, BLOCK * size, "", "#cfe3f5")
    yield kept_weights(kept, x, y, size)
    yield box(x, y, BLOCK * size, BLOCK * size, "m")
    low, cell = y + BLOCK * size + 34, 8
    yield arrow(f"{x + 30},{low - 30} {x + 30},{low - 6}")
    yield box(x, low, len(cols) * cell, len(rows) * cell, "k")
    yield text(x + len(cols) * cell + 8, low + 14, f"a dense {len(rows)} x {len(cols)} matrix")
    yield text(x + len(cols) * cell + 8, low + 30, f"and {len(rows) + len(cols)} indices", "s")


def machine(c: Config, x: float, y: float) -> Iterator[str]:
    """PEGroups with their PEs in the colours of their rings, and a data path lane for each ring."""
    pe, gap = 14, 3
    wide, high = c.Q * (pe + gap) + 12, c.P * (pe + gap) + 12
    yield text(x, y - 24, f"The machine: configuration {c.name}", "t")
    yield text(x, y - 8, f"{c.K} x {c.L} PEGroups of {c.P} x {c.Q} multipliers (PEs)")
    right = x + c.L * (wide + 14)
    for k in range(c.K):
        for col in range(c.L):
            left, top = x + col * (wide + 14), y + k * (high + 14)
            yield box(left, top, wide, high, "b")
            for p in range(c.P):
                for q in range(c.Q):
                    at = (left + 7 + q * (pe + gap), top + 7 + p * (pe + gap))
                    yield box(*at, pe, pe, "", COLOURS[(k * c.P + p) % len(COLOURS)])
        for p in range(c.P):
            ring, line = k * c.P + p, y + k * (high + 14) + 14 + p * (pe + gap)
            yield arrow(f"{right - 12},{line} {right + 22},{line}")
            yield box(right + 26, line - 6, 84, 13, "", COLOURS[ring % len(COLOURS)])
            yield f'<text x="{right + 68}" y="{line + 4}" text-anchor="middle" fill="#fff" ' \
                  f'style="fill:#fff;font-size:10px">lane {ring}</text>'  # fmt: skip
    low = y + c.K * (high + 14)
    end, start = right + 68, x + wide / 2
    yield arrow(f"{end},{low - 8} {end},{low + 16} {start},{low + 16} {start},{low - 8}")
    yield text((start + end) / 2, low + 32, "new h goes back as neurons", "s", "middle")
    for number, words in enumerate(
        (
            f"A colour is a ring: {c.L} PE rows with the same output rows.",
            f"Each PEGroup runs its own program: {c.pes} products a cycle, no barrier.",
            "A lane adds a ring's sums and computes the cell, sigmoid and tanh.",
        )
    ):
        yield text(x, low + 62 + 18 * number, words)


def overview() -> str:
    """The picture."""
    weights = read_checkpoint(ROOT / f"checkpoints/{MODEL}.npz").tensors[MATRIX]
    units = weights.shape[1]
    kept = np.asarray(weights[GATE * units : (GATE + 1) * units]) != 0
    top, left = PLACE[0] * BLOCK, PLACE[1] * BLOCK
    one = kept[top : top + BLOCK, left : left + BLOCK]
    parts = [
        *matrix(kept, 16, 56),
        *block(one, 310, 56),
        *machine(config.load("small"), 540, 56),
    ]
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1010 350" role="img" '
        'aria-label="A pruned weight matrix, one block with its kernel, and the machine">'
        "<!-- Generated by scripts/gen_docs.py -->"
        f"<style>{STYLE}</style>"
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto">'
        '<path d="M0 0L6 3L0 6z" fill="#444"/></marker></defs>'
        '<rect width="1010" height="350" fill="#fff"/>'
    )
    return head + "\n" + "\n".join(parts) + "\n</svg>\n"
