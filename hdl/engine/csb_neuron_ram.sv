// SPDX-License-Identifier: Apache-2.0
//
// Input neurons of one PEGroup: a memory that every PE reads at an address of its own. Its write
// port is `Sides` neurons wide, so that the neurons of the PEGroup's own column and of those that
// sharing modes add arrive in the same cycle; a neuron address is {word, side}. With Writes = 2 it
// is two words wide: an even one and the next.
//
// Written as one memory with `Reads` read ports, which synthesis makes of as many copies of a RAM,
// and a simulator of one array.
//
// Read latency 1 (data in the cycle after re_i). A neuron that counts is never read while it is
// written; an idle multiplier (weight zero) may do so, and what it then reads does not matter.
// No reset: the image loader clears it.
`default_nettype none
module csb_neuron_ram #(
    parameter int Reads = 16,  // read ports
    parameter int DataW = 16,  // bits of a neuron
    parameter int Depth = 512,  // words of each side
    parameter int Sides = 2,  // 1: own column only
    parameter int Writes = 1,  // words written at once, 1 or 2: the first one's address is even
    parameter int Aw = $clog2(Depth),  // derived, do not override
    parameter int SideW = $clog2(Sides),  // derived, do not override
    parameter int Raw = Aw + SideW  // derived, do not override
) (
    input  wire logic                          clk_i,
    input  wire logic [      Writes*Sides-1:0] we_i,
    input  wire logic [                Aw-1:0] waddr_i,
    input  wire logic [Writes*Sides*DataW-1:0] wdata_i,
    input  wire logic                          re_i,
    input  wire logic [         Reads*Raw-1:0] raddr_i,
    output logic      [       Reads*DataW-1:0] rdata_o
);
  (* no_rw_check *)
  logic [DataW-1:0] mem[Depth<<SideW];

  always_ff @(posedge clk_i) begin
    if (re_i) begin
      for (int i = 0; i < Reads; i++) rdata_o[i*DataW+:DataW] <= mem[raddr_i[i*Raw+:Raw]];
    end
  end

  if (Writes > 1) begin : gen_words
    localparam int LowW = 1 + SideW;
    logic [Aw-2:0] pair;
    assign pair = waddr_i[Aw-1:1];
    always_ff @(posedge clk_i) begin
      for (int n = 0; n < Writes; n++) begin
        for (int s = 0; s < Sides; s++) begin
          if (we_i[n*Sides+s]) begin
            mem[{pair, LowW'((n<<SideW)+s)}] <= wdata_i[(n*Sides+s)*DataW+:DataW];
          end
        end
      end
    end
    logic unused;
    assign unused = waddr_i[0];
  end else if (Sides > 1) begin : gen_wide
    always_ff @(posedge clk_i) begin
      for (int s = 0; s < Sides; s++) begin
        if (we_i[s]) mem[{waddr_i, SideW'(s)}] <= wdata_i[s*DataW+:DataW];
      end
    end
  end else begin : gen_narrow
    always_ff @(posedge clk_i) begin
      if (we_i[0]) mem[waddr_i] <= wdata_i[0+:DataW];
    end
  end
endmodule
`default_nettype wire
