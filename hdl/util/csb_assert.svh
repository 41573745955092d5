// SPDX-License-Identifier: Apache-2.0
// Assertions that behave alike in Verilator and Icarus: checks at the rising edge of `clk_i`,
// silent until a first reset and while `rst_ni` is low, gone under SYNTHESIS. A failure ends the
// simulation and prints the hierarchical name of the check, so the name should tell the rule.
//
// Conditions are compared `!== 1'b1`, so an X fails too. `$fatal` because `$error` does not make a
// cocotb test fail under Icarus. Immediate checks because Icarus has no `assert property`.
//
// Two-state simulators begin with random registers and inputs, reset and clock among them. An
// assertion is armed by the first rising edge after time zero with `rst_ni` low. A module without a
// reset cannot see it: its assertions start at the 17th rising edge, when the reset of the modules
// around it has long driven the random values out. Example: a seed that starts `rst_ni` at 1 and
// `valid` at 1 checks nothing until the bench has pulled `rst_ni` low for one edge.
//
// CSB_ASSERT_* state rules of the hardware, whatever runs on it. CSB_PROGRAM_* state rules of a
// program must hold: the compiler keeps it, an illegal image need not, and in silicon the watchdog
// ends what comes of it. With the plusarg +any_program these are silent, so that a simulation can
// show how.
`ifndef CSB_ASSERT_SVH
`define CSB_ASSERT_SVH

`ifdef SYNTHESIS
`define CSB_ASSERT_INIT(Name, Cond)
`define CSB_ASSERT(Name, Cond)
`define CSB_ASSERT_IF(Name, Enable, Cond)
`define CSB_ASSERT_NO_RESET(Name, Enable, Cond)
`define CSB_ASSERT_KNOWN(Name, Valid, Payload)
`define CSB_ASSERT_STABLE(Name, Valid, Ready, Payload)
`define CSB_ASSERT_HELD(Name, Valid, Ready, Payload)
`define CSB_PROGRAM(Name, Cond)
`define CSB_PROGRAM_IF(Name, Enable, Cond)
`define CSB_PROGRAM_NO_RESET(Name, Enable, Cond)
`define CSB_PROGRAM_KNOWN(Name, Valid, Payload)
`else

// Parameters are legal: checked once, at time zero.
`define CSB_ASSERT_INIT(Name, Cond) \
  initial begin : Name \
    if ((Cond) !== 1'b1) $fatal(1, "parameter check %m failed"); \
  end

// Cond holds in every cycle outside reset.
`define CSB_ASSERT(Name, Cond) `CSB_ASSERT_IF(Name, 1'b1, Cond)

// Cond holds in every cycle outside reset with Enable 1; an X on Enable checks nothing.
`define CSB_ASSERT_IF(Name, Enable, Cond) \
  initial Name.armed = 1'b0; \
  always @(posedge clk_i) begin : Name \
    logic armed; \
    if (rst_ni !== 1'b1) armed = $time != 0; \
    else if ((Enable) === 1'b1 && (Cond) !== 1'b1) begin \
      if (armed) $fatal(1, "assertion %m failed"); \
    end \
  end

// The same in a module without a reset.
`define CSB_ASSERT_NO_RESET(Name, Enable, Cond) \
  initial Name.edges = '0; \
  always @(posedge clk_i) begin : Name \
    logic [4:0] edges; \
    if (!edges[4]) edges = edges + 1'b1; \
    else if ((Enable) === 1'b1 && (Cond) !== 1'b1) $fatal(1, "assertion %m failed"); \
  end

// Valid is never X outside reset, and no bit of Payload is X while Valid is high. Two-state
// simulators have no X to find; Icarus has.
`define CSB_ASSERT_KNOWN(Name, Valid, Payload) \
  `CSB_ASSERT(Name, (Valid) === 1'b0 || ((Valid) === 1'b1 && (^(Payload)) !== 1'bx))

// The AXI stream rule: once Valid is high it stays high, with the same Payload, until Ready.
`define CSB_ASSERT_STABLE(Name, Valid, Ready, Payload) \
  initial Name.armed = 1'b0; \
  always @(posedge clk_i) begin : Name \
    logic armed, stalled; \
    logic [$bits(Payload)-1:0] held; \
    if (rst_ni !== 1'b1) armed = $time != 0; \
    else if (stalled === 1'b1 && ((Valid) !== 1'b1 || (Payload) !== held)) begin \
      if (armed) $fatal(1, "assertion %m failed"); \
    end \
    stalled = rst_ni === 1'b1 && (Valid) === 1'b1 && (Ready) !== 1'b1; \
    held = Payload; \
  end

// Less than that, for a source that may be reset: while Valid stays high, so does the Payload.
`define CSB_ASSERT_HELD(Name, Valid, Ready, Payload) \
  initial Name.armed = 1'b0; \
  always @(posedge clk_i) begin : Name \
    logic armed, stalled; \
    logic [$bits(Payload)-1:0] held; \
    if (rst_ni !== 1'b1) armed = $time != 0; \
    else if (stalled === 1'b1 && (Valid) === 1'b1 && (Payload) !== held) begin \
      if (armed) $fatal(1, "assertion %m failed"); \
    end \
    stalled = rst_ni === 1'b1 && (Valid) === 1'b1 && (Ready) !== 1'b1; \
    held = Payload; \
  end

// As their namesakes, of programs.
`define CSB_PROGRAM(Name, Cond) `CSB_PROGRAM_IF(Name, 1'b1, Cond)

`define CSB_PROGRAM_IF(Name, Enable, Cond) \
  initial Name.armed = 1'b0; \
  always @(posedge clk_i) begin : Name \
    logic armed; \
    if (rst_ni !== 1'b1) armed = $time != 0; \
    else if ((Enable) === 1'b1 && (Cond) !== 1'b1) begin \
      if (armed && !$test$plusargs("any_program")) $fatal(1, "program contract %m broken"); \
    end \
  end

`define CSB_PROGRAM_NO_RESET(Name, Enable, Cond) \
  initial Name.edges = '0; \
  always @(posedge clk_i) begin : Name \
    logic [4:0] edges; \
    if (!edges[4]) edges = edges + 1'b1; \
    else if ((Enable) === 1'b1 && (Cond) !== 1'b1) begin \
      if (!$test$plusargs("any_program")) $fatal(1, "program contract %m broken"); \
    end \
  end

`define CSB_PROGRAM_KNOWN(Name, Valid, Payload) \
  `CSB_PROGRAM(Name, (Valid) === 1'b0 || ((Valid) === 1'b1 && (^(Payload)) !== 1'bx))

`endif  // SYNTHESIS
`endif  // CSB_ASSERT_SVH
