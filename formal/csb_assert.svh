// SPDX-License-Identifier: Apache-2.0
// The assertions of hdl/util/csb_assert.svh for a solver: `scripts/formal.py` puts this file in its
// place. CSB_ASSERT_* are proved, of every module in a proof. CSB_PROGRAM_*, which a program keeps,
// are assumed. A solver knows no X, so CSB_ASSERT_KNOWN is empty. Names under `assume` in
// proofs.toml are of a module's inputs, and assumed too.
`ifndef CSB_ASSERT_SVH
`define CSB_ASSERT_SVH

`define CSB_ASSERT_INIT(Name, Cond)
`define CSB_ASSERT(Name, Cond) `CSB_ASSERT_IF(Name, 1'b1, Cond)
`define CSB_ASSERT_IF(Name, Enable, Cond) \
  always_comb if (rst_ni && (Enable)) Name : assert (Cond);
`define CSB_ASSERT_NO_RESET(Name, Enable, Cond) always_comb if (Enable) Name : assert (Cond);
`define CSB_ASSERT_KNOWN(Name, Valid, Payload)

`define CSB_ASSERT_STABLE(Name, Valid, Ready, Payload) \
  logic Name``_stalled = 1'b0; \
  logic [$bits(Payload)-1:0] Name``_held; \
  always_ff @(posedge clk_i) begin \
    Name``_stalled <= rst_ni && (Valid) && !(Ready); \
    Name``_held <= Payload; \
  end \
  always_comb if (rst_ni && Name``_stalled) Name : assert ((Valid) && (Payload) == Name``_held);

`define CSB_ASSERT_HELD(Name, Valid, Ready, Payload) \
  logic Name``_stalled = 1'b0; \
  logic [$bits(Payload)-1:0] Name``_held; \
  always_ff @(posedge clk_i) begin \
    Name``_stalled <= rst_ni && (Valid) && !(Ready); \
    Name``_held <= Payload; \
  end \
  always_comb if (rst_ni && Name``_stalled && (Valid)) Name : assert ((Payload) == Name``_held);

`define CSB_PROGRAM(Name, Cond) `CSB_PROGRAM_IF(Name, 1'b1, Cond)
`define CSB_PROGRAM_IF(Name, Enable, Cond) \
  always_comb if (rst_ni && (Enable)) Name : assume (Cond);
`define CSB_PROGRAM_NO_RESET(Name, Enable, Cond) always_comb if (Enable) Name : assume (Cond);
`define CSB_PROGRAM_KNOWN(Name, Valid, Payload)

// A proof begins with a cycle of reset; `begun` is 1 behind it.
`define CSB_PROOF_BEGINS \
  logic begun = 1'b0; \
  always_ff @(posedge clk_i) begun <= 1'b1; \
  always_comb if (!begun) assume (!rst_ni);

// An input of the proof that keeps its value, any one.
`define CSB_PROOF_CONSTANT(Name, Signal) \
  logic [$bits(Signal)-1:0] Name``_was; \
  always_ff @(posedge clk_i) Name``_was <= Signal; \
  always_comb if (begun) assume ((Signal) == Name``_was);

`endif  // CSB_ASSERT_SVH
