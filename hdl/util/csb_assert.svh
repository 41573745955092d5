// SPDX-License-Identifier: Apache-2.0
// Assertions that behave alike in Verilator and Icarus: checks at the rising edge of `clk_i`,
// silent while `rst_ni` is low, gone under SYNTHESIS. A failure ends the simulation and prints the
// hierarchical name of the check, so the name should say what was intended.
//
// Conditions are compared `!== 1'b1`, so an X fails too. `$fatal` because `$error` does not make a
// cocotb test fail under Icarus. Immediate checks because Icarus has no `assert property`. Nothing is
// checked at time zero: two-state simulators begin with random inputs, their reset and clock too
// (asked last, as Verilator would look at the time in every cycle for every assertion).
`ifndef CSB_ASSERT_SVH
`define CSB_ASSERT_SVH

`ifdef SYNTHESIS
`define CSB_ASSERT_INIT(Name, Cond)
`define CSB_ASSERT(Name, Cond)
`define CSB_ASSERT_IF(Name, Enable, Cond)
`define CSB_ASSERT_KNOWN(Name, Valid, Payload)
`define CSB_ASSERT_STABLE(Name, Valid, Ready, Payload)
`else

// Parameters are legal: checked once, at time zero.
`define CSB_ASSERT_INIT(Name, Cond) \
  initial begin : Name \
    if ((Cond) !== 1'b1) $fatal(1, "parameter check %m failed"); \
  end

// Cond holds in every cycle outside reset.
`define CSB_ASSERT(Name, Cond) `CSB_ASSERT_IF(Name, rst_ni, Cond)

// Cond holds in every cycle in which Enable is 1; needs no reset, as an X on Enable checks nothing.
`define CSB_ASSERT_IF(Name, Enable, Cond) \
  always @(posedge clk_i) begin : Name \
    if ((Enable) === 1'b1 && (Cond) !== 1'b1) begin \
      if ($time != 0) $fatal(1, "assertion %m failed"); \
    end \
  end

// Valid is never X outside reset, and no bit of Payload is X while Valid is high. Two-state
// simulators have no X to find; Icarus has.
`define CSB_ASSERT_KNOWN(Name, Valid, Payload) \
  `CSB_ASSERT(Name, (Valid) === 1'b0 || ((Valid) === 1'b1 && (^(Payload)) !== 1'bx))

// The AXI stream rule: once Valid is high it stays high, with the same Payload, until Ready.
`define CSB_ASSERT_STABLE(Name, Valid, Ready, Payload) \
  always @(posedge clk_i) begin : Name \
    logic stalled; \
    logic [$bits(Payload)-1:0] held; \
    if (rst_ni && stalled === 1'b1 && ((Valid) !== 1'b1 || (Payload) !== held)) begin \
      if ($time != 0) $fatal(1, "assertion %m failed"); \
    end \
    stalled = rst_ni === 1'b1 && (Valid) === 1'b1 && (Ready) !== 1'b1; \
    held = Payload; \
  end

`endif  // SYNTHESIS
`endif  // CSB_ASSERT_SVH
