# SPDX-License-Identifier: Apache-2.0
"""A program as text for people: every unit word by word, with events by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from csb_rnn.execution.utilisation import analyse
from csb_rnn.machine import isa
from csb_rnn.program.program import GroupProgram, Program

_ACTS = {v: k for k, v in isa.ACT.items()}
_M = {v: k for k, v in isa.M_SEL.items()}
_X = {v: k for k, v in isa.X_SEL.items()}
_WHEN = {"this": "", "stream": " of this stream's frame before", "last": " of the iteration before",
         "before_last": " of two iterations before"}  # fmt: skip


def _header(p: Program, names: Mapping[int, str]) -> Iterator[str]:
    c = p.config
    yield (
        f"; configuration {c.name}: {c.K}x{c.L} PEGroups of {c.P}x{c.Q} PEs, "
        f"{c.lanes} data path lanes"
    )
    yield f"; {p.inputs} inputs, {p.outputs} outputs, {p.streams} stream(s)"
    yield f"; {p.kept_weights} kept weights, no schedule below {p.bound_words} words"
    yield from (f"; {line}" for line in analyse(p).lines())
    yield "; events: " + ", ".join(f"{e} = {name}" for e, name in sorted(names.items()))
    yield "; state memory, of each data path lane:"
    for s in p.states:
        yield (
            f";   {s.key}: {len(s.slot)} units, address {s.base} + {s.stride} * slot, "
            f"{s.frac} fraction bits"
        )


def _group(p: Program, g: int, prog: GroupProgram, names: Mapping[int, str]) -> Iterator[str]:
    c = p.config
    yield ""
    yield f"pegroup ({g // c.L}, {g % c.L}): {len(prog)} words"
    ctl = {k: v.tolist() for k, v in prog.ctl.items()}
    fields = {k: v.tolist() for k, v in prog.rows.items()}
    pe = {k: v.tolist() for k, v in prog.pe.items()}
    for at in range(len(prog)):
        flags = []
        for evt, lag in isa.peg_waits({name: v[at] for name, v in ctl.items()}):
            flags.append(f"wait [{names.get(evt, evt)}{_WHEN[lag]}]")
        flags += [name for name in ("mark", "last") if ctl[name][at]]
        used_rows = []
        for row in range(c.P):
            share = row // c.shared_cols
            used = [
                f"{w:+d}*{'right.' if s else ''}n{a}"
                for w, a, s in zip(
                    pe["w"][at][row], pe["c"][at][share], pe["s"][at][share], strict=True
                )
                if w
            ]
            if not (used or fields["store"][at][row] or fields["first"][at][row]):
                continue
            bank = f".{fields['bank'][at][row]}" if c.drain_banks > 1 else ""
            acc = f"acc{fields['row'][at][row]}{bank}"
            head = (
                (" = " if fields["clr"][at][row] else " += ")
                if fields["first"][at][row]
                else " .. "
            )
            old = fields["pp"][at][share] and max(pe["c"][at][share]) >= c.neuron_depth // 2
            side = "old " if old else ""
            tail = " store" if fields["store"][at][row] else ""
            used_rows.append(f"PE row {row}: {acc}{head}{side}{' '.join(used) or '0'}{tail}")
        text = "; ".join([*flags, *([] if used_rows else ["idle"])])
        yield f"{at:5d}  {text}".rstrip()
        yield from (f"         {line}" for line in used_rows)


def _drain(p: Program, names: Mapping[int, str]) -> Iterator[str]:
    yield ""
    yield f"drain: {len(p.drain)} words"
    for at, w in enumerate(p.drain):
        parts = []
        for i in range(p.config.drain_rows):
            shift, act = isa.drain_row(w, i)
            parts.append(
                f"d{w['dst'] + i} = {_ACTS[act]}(acc{w['acc_addr'] + i} + bias{w['bias_addr'] + i} "
                f">> {isa.SHIFT_BASE + shift})"
            )
        parts += [f"gap {w['gap']}"] if w.get("gap") else []
        waits = {"wait_mark": "wait marks", "acquire": "wait registers", "post": "post"}
        parts += [text for name, text in waits.items() if w.get(name)]
        parts += [f"event [{names.get(w['evt'], w['evt'])}]"] if w.get("evt_en") else []
        yield f"{at:5d}  " + "; ".join([*parts, *(["last"] if w.get("last") else [])])


def _operand(w: Mapping[str, int], port: str) -> str:
    kind = (_M if port[0] == "m" else _X)[w.get(f"{port}_sel", 0)]
    if kind in ("one", "zero"):
        return kind
    if kind == "state":
        return f"state{w.get('st_raddr', 0)}{' (fresh: 0)' if w.get('fresh') else ''}"
    return f"{kind[0]}{w.get(port, 0)}"


def _element(p: Program, names: Mapping[int, str]) -> Iterator[str]:
    yield ""
    yield f"element: {len(p.elem)} words, loop from {p.elem_loop}"
    for at, w in enumerate(p.elem):
        sinks = []
        if w.get("reg_we"):
            act = _ACTS[w.get("act", 0)]
            sinks.append(f"e{w['reg']} = {act}(v)" if act != "identity" else f"e{w['reg']} = v")
        if w.get("st_we"):
            sinks.append(f"state{w['st_waddr']} = v")
        if w.get("neu_we"):
            sinks.append(f"n{w['neu_addr']} = v >> {w.get('neu_shift', 0)}")
        if w.get("out_we"):
            sinks.append(f"out{w['out_addr']} = v >> {w.get('neu_shift', 0)}")
        parts = []
        if sinks:
            sign = "-" if w.get("sub") else "+"
            a, b, x, y = (_operand(w, port) for port in ("m0", "m1", "x0", "x1"))
            second = "" if b == "zero" else f" {sign} {b}*{y}"
            parts.append(f"v = {a}*{x}{second}")
        parts += sinks
        parts += [f"gap {w['gap']}"] if w.get("gap") else []
        waits = {"pend": "wait post", "out_acquire": "wait output buffer", "release": "release",
                 "out_done": "frame done"}  # fmt: skip
        parts += [text for name, text in waits.items() if w.get(name)]
        parts += [f"event [{names.get(w['evt'], w['evt'])}]"] if w.get("evt_en") else []
        mark = "loop:" if at == p.elem_loop else ""
        text = "; ".join([*parts, *(["last"] if w.get("last") else [])]) or "nothing"
        yield f"{at:5d}  {mark}{text}"


def listing(p: Program) -> str:
    """The disassembly of a program.

    ``n7`` is neuron address 7 of the PEGroup's engine column (``right.n7``: of the column right of
    it, ``old``: of the frame before), ``acc3`` an accumulator address, ``d`` and ``e`` drain and
    element registers, ``v`` the result of an element word. Weights are stored integers.
    """
    names = p.events
    lines = list(_header(p, names))
    for g, prog in enumerate(p.groups):
        lines += _group(p, g, prog, names)
    lines += _drain(p, names)
    lines += _element(p, names)
    return "\n".join(lines) + "\n"
