# SPDX-License-Identifier: Apache-2.0
"""A test bench without dependences: reads the registers that say which hardware it is, then loads
an image and compares frames, if the kit has some."""

from __future__ import annotations

from typing import NamedTuple

from csb_rnn.kit.names import CLOCK, RESET, reset_values, top_name
from csb_rnn.kit.wrapper import ports
from csb_rnn.machine import registers
from csb_rnn.machine.config import Config

IMAGE, INPUTS, OUTPUTS = "smoke/image.memh", "smoke/inputs.memh", "smoke/outputs.memh"


class Example(NamedTuple):
    """Frames of a network and what they give, as words for ``$readmemh``, one a line.

    Attributes:
        image: 32-bit words of the load port.
        inputs, outputs: beats of the frame ports.
        frames: how many.
    """

    image: str
    inputs: str
    outputs: str
    frames: int

    def files(self) -> dict[str, str]:
        """Texts by name, relative to the kit."""
        return {IMAGE: self.image, INPUTS: self.inputs, OUTPUTS: self.outputs}


def _offset(name: str) -> str:
    return f"12'h{registers.address(name):03x}"


def _status(name: str) -> str:
    """A field of STATUS as a part of ``value``."""
    f = next(f for f in registers.BY_NAME["STATUS"].fields if f.name == name)
    return f"value[{f.lsb}]" if f.width == 1 else f"value[{f.lsb + f.width - 1}:{f.lsb}]"


def _frames(c: Config, e: Example) -> tuple[str, str]:
    """Declarations and tasks that move an example; statements that run it."""
    words, beats, out = (len(t.split()) for t in (e.image, e.inputs, e.outputs))
    control = {
        name: f"write({_offset('CONTROL')}, {registers.value('CONTROL', **fields)});"
        for name, fields in (("start", {"start": 1, "fresh": 1}), ("stop", {"stop": 1}))
    }
    declared = f"""
  // An image, input beats and expected output beats: {e.frames} frames.
  logic [31:0] image[0:{words - 1}];
  logic [{c.stream_w - 1}:0] inputs[0:{beats - 1}];
  logic [{c.stream_w - 1}:0] outputs[0:{out - 1}];
  int taken = 0;

  task automatic write(input logic [11:0] offset, input logic [31:0] data);
    s_axil_awaddr  = offset;
    s_axil_wdata   = data;
    s_axil_awvalid = 1;
    s_axil_wvalid  = 1;
    #1;
    while (!(s_axil_awready && s_axil_wready)) half;
    half;
    s_axil_awvalid = 0;
    s_axil_wvalid  = 0;
    while (!s_axil_bvalid) half;
    half;
  endtask

  task automatic until_idle;
    value = 0;
    while (!{_status("idle")} || {_status("loading")}) read({_offset("STATUS")});
    if ({_status("error")} != 0) $fatal(1, "error code %0d", {_status("error")});
  endtask

  // Bytes of a beat that count.
  function automatic logic [{c.stream_w - 1}:0] kept(input logic [{c.stream_w // 8 - 1}:0] keep);
    for (int i = 0; i < {c.stream_w // 8}; i++) kept[8*i+:8] = {{8{{keep[i]}}}};
  endfunction

  always @(negedge {CLOCK})
    if (m_axis_frame_tvalid) begin
      if (((m_axis_frame_tdata ^ outputs[taken]) & kept(m_axis_frame_tkeep)) !== 0)
        $fatal(1, "output beat %0d: %h instead of %h", taken, m_axis_frame_tdata, outputs[taken]);
      if (m_axis_frame_tlast !== (taken % {out // e.frames} == {out // e.frames - 1}))
        $fatal(1, "output beat %0d: TLAST is %b", taken, m_axis_frame_tlast);
      taken = taken + 1;
    end
"""
    run = f"""\
    $readmemh("{IMAGE}", image);
    $readmemh("{INPUTS}", inputs);
    $readmemh("{OUTPUTS}", outputs);
    for (int i = 0; i < {words}; i++) begin
      s_axis_image_tdata  = image[i];
      s_axis_image_tlast  = i == {words - 1};
      s_axis_image_tvalid = 1;
      #1;
      while (!s_axis_image_tready) half;
      half;
    end
    s_axis_image_tvalid = 0;
    until_idle;
    {control["start"]}
    m_axis_frame_tready = 1;
    for (int i = 0; i < {beats}; i++) begin
      s_axis_frame_tdata  = inputs[i];
      s_axis_frame_tlast  = i % {beats // e.frames} == {beats // e.frames - 1};
      s_axis_frame_tvalid = 1;
      #1;
      while (!s_axis_frame_tready) half;
      half;
    end
    s_axis_frame_tvalid = 0;
    while (taken < {out}) half;
    {control["stop"]}
    until_idle;
    $display("PASS: {e.frames} frames, {out} output beats are those of the fixed model");
"""
    return declared, run


def _rules(c: Config) -> str:
    """Checks of the rule that an offered beat stays, at the inputs of the design; half a cycle
    before the design's own assertions would end the simulation."""
    parts = []
    for port, width in (("s_axis_image", 32), ("s_axis_frame", c.stream_w)):
        now = f"{{{port}_tvalid, {port}_tlast, {port}_tdata}}"
        parts.append(f"""
  logic {port}_waits = 0;
  logic [{width + 1}:0] {port}_held;
  always @(posedge {CLOCK}) begin
    {port}_waits <= {RESET} && {port}_tvalid && !{port}_tready;
    {port}_held  <= {now};
  end
  always @(negedge {CLOCK}) begin
    #3;
    if ({port}_waits && {now} !== {port}_held)
      $fatal(1, "AXI rule broken by the master of {port}: %s",
             "it took an offered beat back, or changed it, before TREADY");
  end
""")
    return "".join(parts)


def smoke_text(c: Config, example: Example | None = None) -> str:
    """SystemVerilog: resets, compares each value, ends with ``PASS`` or ``$fatal``."""
    declared, joined = [], []
    for p in ports(c):
        start = " = 0" if p.is_input else ""
        bits = f"[{p.width - 1}:0] " if p.width > 1 else ""
        declared.append(f"  logic {bits}{p.name}{start};")
        joined.append(f".{p.name}")
    values = reset_values(c)
    checks = [
        f'    check({_offset(r.name)}, 32\'h{values[r.name]:08x}, "{r.name}");'
        for r in registers.REGISTERS
        if r.name in values
    ]
    more, run = ("", "") if example is None else _frames(c, example)
    return f"""\
// SPDX-License-Identifier: Apache-2.0
// Generated by `csb-rnn rtl`: do not edit.
//
// Signals change at falling edges; a beat is taken if valid and ready are 1 then.
`default_nettype none
`timescale 1ns / 1ps
module {top_name(c)}_smoke;
{chr(10).join(declared)}

  {top_name(c)} dut ({", ".join(joined)});

  always #5 {CLOCK} = !{CLOCK};

  logic [31:0] value;

  task automatic half;  // to the next falling edge, outputs settled
    @(negedge {CLOCK});
    #1;
  endtask

  task automatic read(input logic [11:0] offset);
    s_axil_araddr  = offset;
    s_axil_arvalid = 1;
    #1;
    while (!s_axil_arready) half;
    half;
    s_axil_arvalid = 0;
    while (!s_axil_rvalid) half;
    if (s_axil_rresp !== 0) $fatal(1, "register %h: an error", offset);
    value = s_axil_rdata;
    half;
  endtask

  task automatic check(input logic [11:0] offset, input logic [31:0] expected, input string name);
    read(offset);
    if (value !== expected) $fatal(1, "%s: %h instead of %h", name, value, expected);
  endtask
{more}{_rules(c)}
  initial begin
    s_axil_rready = 1;
    s_axil_bready = 1;
    s_axil_wstrb  = 4'hf;
    repeat (4) half;
    {RESET} = 1;
    half;
{chr(10).join(checks)}
    $display("PASS: the registers are those of configuration {c.name}");
{run}    $finish;
  end

  initial #50000000 $fatal(1, "no answer");
endmodule
`default_nettype wire
"""
