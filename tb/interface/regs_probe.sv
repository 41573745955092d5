// SPDX-License-Identifier: Apache-2.0
//
// Does to csb_regs as the lines of a file (+script=) say, "r ADDR" or "w ADDR DATA" in
// hexadecimal, and prints each answer as "ADDR VALUE RESP"; a command pulse as its name. The
// inputs of csb_regs are constant. So a test can put another csb_regs_pkg beside it.
`timescale 1ns / 1ps
`default_nettype none
module regs_probe;
  logic clk = 1'b0;
  logic rst_n = 1'b0;
  always #1 clk = !clk;

  logic [csb_regs_pkg::RegAddrW-1:0] addr;
  logic [31:0] wdata, rdata;
  logic awvalid, wvalid, bvalid, arvalid, rvalid;
  logic [1:0] bresp, rresp;
  logic start, stop, flush, reset, fresh, irq;
  logic [$clog2(csb_regs_pkg::Counters)-1:0] counter_sel;
  logic [31:0] counter;
  always_ff @(posedge clk) counter <= 1000 + 32'(counter_sel);
  initial {awvalid, wvalid, arvalid} = '0;

  csb_regs #(
      .K(3),
      .L(5),
      .P(2),
      .Q(4),
      .DataW(16),
      .StateW(20),
      .StateFrac(13),
      .DrainBanks(2),
      .WeightW(12),
      .SharedCols(2),
      .Sharing(2),
      .StreamW(64),
      .XPerCycle(2)
  ) u_regs (
      .clk_i(clk),
      .rst_ni(rst_n),
      .s_awaddr_i(addr),
      .s_awvalid_i(awvalid),
      .s_awready_o(),
      .s_wdata_i(wdata),
      .s_wstrb_i(4'hf),
      .s_wvalid_i(wvalid),
      .s_wready_o(),
      .s_bresp_o(bresp),
      .s_bvalid_o(bvalid),
      .s_bready_i(1'b1),
      .s_araddr_i(addr),
      .s_arvalid_i(arvalid),
      .s_arready_o(),
      .s_rdata_o(rdata),
      .s_rresp_o(rresp),
      .s_rvalid_o(rvalid),
      .s_rready_i(1'b1),
      .start_o(start),
      .stop_o(stop),
      .flush_o(flush),
      .reset_o(reset),
      .fresh_o(fresh),
      .watchdog_o(),
      .limit_set_o(),
      .image_valid_i(1'b1),
      .running_i(1'b0),
      .idle_i(1'b1),
      .loading_i(1'b0),
      .out_open_i(1'b1),
      .in_cut_i(1'b1),
      .waits_i(1'b0),
      .frame_cut_i(1'b0),
      .error_code_i(8'd5),
      .loaded_evt_i(1'b0),
      .error_evt_i(1'b1),
      .irq_o(irq),
      .counter_sel_o(counter_sel),
      .group_o(),
      .cycles_i('0),
      .counter_i(counter),
      .issued_i('0),
      .st_re_o(),
      .st_we_o(),
      .st_lane_o(),
      .st_addr_o(),
      .st_wdata_o(),
      .st_rdata_i('0)
  );

  always @(posedge clk) begin
    if (rst_n && start) $display("start");
    if (rst_n && stop) $display("stop");
    if (rst_n && flush) $display("flush");
    if (rst_n && reset) $display("reset");
  end

  // Every access ends within 20 cycles: then the answer is there, or it is printed as x.
  reg [8*512-1:0] name;  // Icarus has no string
  reg [7:0] kind;
  logic [31:0] value;
  logic [1:0] resp;
  integer file, found;
  initial begin
    found = $value$plusargs("script=%s", name);
    file  = $fopen(name, "r");
    repeat (4) @(negedge clk);
    rst_n = 1'b1;
    while ($fscanf(
        file, " %c %h", kind, value
    ) == 2) begin
      addr = csb_regs_pkg::RegAddrW'(value);
      if (kind == "w") begin
        found = $fscanf(file, " %h", wdata);
        {awvalid, wvalid} = '1;
      end else begin
        arvalid = 1'b1;
      end
      value = 'x;
      resp  = 'x;
      repeat (20) begin
        @(negedge clk);
        {awvalid, wvalid, arvalid} = '0;
        if (rvalid) {value, resp} = {rdata, rresp};
        if (bvalid) {value, resp} = {wdata, bresp};
      end
      $display("%h %h %h", addr, value, resp);
    end
    $display("irq %b fresh %b", irq, fresh);
    $finish;
  end
endmodule
`default_nettype wire
