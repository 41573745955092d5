// SPDX-License-Identifier: Apache-2.0
//
// A system on a chip around csb_top: a RISC-V core (picorv32), RAM, a UART, and both ways to move
// frames: registers that the core writes, and a DMA.
//
// Addresses (32-bit accesses; the RAM takes bytes):
//   0x0000_0000  RAM
//   0x1000_0000  registers of csb_top, by AXI4-Lite; ERRORS counts answers that are no OKAY
//   0x2000_0000  IMAGE       w  a word of the image
//   0x2000_0004  IMAGE_LAST  w  the last one
//   0x2000_0008  FRAME       w  a word of an input frame; a beat goes when it is full
//   0x2000_000c  FRAME_LAST  w  the last word of a frame
//   0x2000_0010  OUT         r  the next word of the output stream
//   0x2000_0018  ERRORS      r  accesses that failed since the last read: AXI errors, and streams
//                               that did not move for 2^16 cycles
//   0x2000_0020  SEND_ADDR   w  first byte of a packet in the RAM, a multiple of a beat
//   0x2000_0024  SEND_BYTES  w
//   0x2000_0028  SEND_GO     w  0: to the image, 1: to the input frames
//   0x2000_002c  SEND_BUSY   r
//   0x2000_0030  TAKE_ADDR   w  where an output packet goes, a multiple of a beat
//   0x2000_0034  TAKE_GO     w  its bytes
//   0x2000_0038  TAKE_BUSY   r
//   0x3000_0000  UART        w  a character
//   0x3000_0004  EXIT        w  ends a simulation; the value is the exit code
//   0x3000_0008  CYCLE       r  cycles since reset
//
// A stream access waits until the machine takes or gives the word. The macro CSB_TOP is the name of
// the accelerator's wrapper, as `csb-rnn rtl` writes it.
`default_nettype none
module csb_soc #(
    parameter int StreamW  = 64,
    parameter int RamWords = 1 << 18,  // of 32 bits
    parameter     Firmware = "firmware.memh"
) (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    output logic             uart_valid_o,
    output logic      [ 7:0] uart_data_o,
    output logic             exit_valid_o,
    output logic      [31:0] exit_code_o
);
  localparam int Lanes = StreamW / 32;  // words of a beat
  localparam int LaneW = Lanes > 1 ? $clog2(Lanes) : 1;
  localparam int Rows = RamWords / Lanes;
  localparam int RowW = $clog2(Rows);

  // --- core -----------------------------------------------------------------------------------
  logic mem_valid, mem_ready, mem_instr, trap;
  logic [31:0] mem_addr, mem_wdata, mem_rdata;
  logic [3:0] mem_wstrb;

  picorv32 #(
      .ENABLE_MUL(1),
      .ENABLE_DIV(1),
      .BARREL_SHIFTER(1),
      .STACKADDR(4 * RamWords)
  ) u_core (
      .clk      (clk_i),
      .resetn   (rst_ni),
      .trap     (trap),
      .mem_valid(mem_valid),
      .mem_instr(mem_instr),
      .mem_ready(mem_ready),
      .mem_addr (mem_addr),
      .mem_wdata(mem_wdata),
      .mem_wstrb(mem_wstrb),
      .mem_rdata(mem_rdata),
      .pcpi_wr  (1'b0),
      .pcpi_rd  ('0),
      .pcpi_wait(1'b0),
      .pcpi_ready(1'b0),
      .irq      ('0),
      .mem_la_read(), .mem_la_write(), .mem_la_addr(), .mem_la_wdata(), .mem_la_wstrb(),
      .pcpi_valid(), .pcpi_insn(), .pcpi_rs1(), .pcpi_rs2(), .eoi(), .trace_valid(), .trace_data()
  );

  logic is_ram, is_csb, is_io, is_uart, is_write;
  assign is_ram   = mem_valid && mem_addr[31:28] == 4'h0;
  assign is_csb   = mem_valid && mem_addr[31:28] == 4'h1;
  assign is_io    = mem_valid && mem_addr[31:28] == 4'h2;
  assign is_uart  = mem_valid && mem_addr[31:28] == 4'h3;
  assign is_write = |mem_wstrb;

  // --- RAM: rows of a beat; the core has a port of words, the DMA one of rows -----------------
  logic [StreamW-1:0] ram[Rows];
  initial $readmemh(Firmware, ram);

  logic [31:2] word_addr;
  logic [RowW-1:0] core_row, dma_row;
  logic [LaneW-1:0] core_lane, core_lane_q;
  logic [StreamW-1:0] core_q, dma_q, dma_data;
  logic ram_done_q, dma_read, dma_write;
  assign word_addr = mem_addr[31:2];
  assign core_row  = RowW'(word_addr / Lanes);
  assign core_lane = Lanes > 1 ? word_addr[2+:LaneW] : '0;

  always_ff @(posedge clk_i) begin
    ram_done_q  <= rst_ni && is_ram && !ram_done_q;
    core_lane_q <= core_lane;
    core_q      <= ram[core_row];
    if (is_ram && !ram_done_q) begin
      for (int b = 0; b < 4; b++) begin
        if (mem_wstrb[b]) ram[core_row][32*core_lane+8*b+:8] <= mem_wdata[8*b+:8];
      end
    end
    if (dma_read) dma_q <= ram[dma_row];
    if (dma_write) ram[dma_row] <= dma_data;
  end

  // --- registers of csb_top -------------------------------------------------------------------
  logic aw_q, w_q, ar_q, wait_b_q, wait_r_q;  // valid; an answer is waited for
  logic awready, wready, bvalid, arready, rvalid, csb_done, csb_failed;
  logic [1:0] bresp, rresp;
  logic [31:0] rdata;
  assign csb_done   = (wait_b_q && bvalid) || (wait_r_q && rvalid);
  assign csb_failed = (wait_b_q && bvalid && bresp != 0) || (wait_r_q && rvalid && rresp != 0);
  always_ff @(posedge clk_i) begin
    if (!rst_ni || csb_done) begin
      {aw_q, w_q, ar_q, wait_b_q, wait_r_q} <= '0;
    end else if (is_csb && !wait_b_q && !wait_r_q) begin
      {aw_q, w_q, wait_b_q} <= {3{is_write}};
      {ar_q, wait_r_q} <= {2{!is_write}};
    end else begin
      if (awready) aw_q <= 1'b0;
      if (wready) w_q <= 1'b0;
      if (arready) ar_q <= 1'b0;
    end
  end

  // --- streams: a beat that is filled word by word, or comes from the DMA ---------------------
  logic image_valid, image_ready, image_last, in_valid, in_ready, in_last, out_valid, out_ready;
  logic [31:0] image_data;
  logic [StreamW-1:0] in_data, out_data;
  logic out_last;

  logic [StreamW-1:0] beat_q;
  logic [LaneW-1:0] in_lane_q, out_lane_q;
  logic [3:0] io;
  logic io_image, io_frame, io_out, io_other, io_last, word_done, beat_full;
  assign io        = mem_addr[5:2];
  assign io_image  = is_io && is_write && io < 2;
  assign io_frame  = is_io && is_write && (io == 2 || io == 3);
  assign io_out    = is_io && !is_write && io == 4;
  assign io_other  = is_io && !io_image && !io_frame && !io_out;
  assign io_last   = io[0];
  assign beat_full = io_last || in_lane_q == LaneW'(Lanes - 1);

  logic expired;
  logic [16:0] patience_q;
  assign expired = patience_q[16];
  always_comb begin
    word_done = io_other || expired;
    if (io_image) word_done |= image_ready;
    if (io_frame) word_done |= in_ready || !beat_full;
    if (io_out) word_done |= out_valid;
  end
  always_ff @(posedge clk_i) begin
    patience_q <= rst_ni && is_io && !word_done ? patience_q + 1'b1 : '0;
    if (!rst_ni) begin
      in_lane_q  <= '0;
      out_lane_q <= '0;
    end else begin
      if (io_frame && word_done) in_lane_q <= beat_full ? '0 : in_lane_q + 1'b1;
      if (io_out && out_valid)
        out_lane_q <= out_lane_q == LaneW'(Lanes - 1) ? '0 : out_lane_q + 1'b1;
    end
    if (io_frame && word_done) beat_q[32*in_lane_q+:32] <= mem_wdata;
  end

  // --- DMA: a channel that sends and one that takes; they share a port of the RAM ---------------
  // A read of the RAM takes a cycle: two rows are held, so that a beat goes every cycle. An image
  // goes word by word.
  localparam int BeatBytes = StreamW / 8;
  logic [31:0] send_addr_q, send_bytes_q, take_addr_q;
  logic send_go, take_go, send_busy_q, take_busy_q, send_image_q;
  logic [RowW-1:0] send_row_q, take_row_q;
  logic [RowW:0] send_rows_q, take_rows_q;  // rows that are left
  logic [31:0] send_left_q;  // bytes that are left
  logic [1:0] held_q;  // rows that were read and not sent
  logic [StreamW-1:0] fifo_q[2];
  logic rd_q, wr_q, reading_q, sent, row_end, send_last;
  logic [LaneW-1:0] image_lane_q;
  logic [16:0] send_patience_q, take_patience_q;

  assign send_go   = is_io && is_write && io == 10;
  assign take_go   = is_io && is_write && io == 13;
  assign dma_write = take_busy_q && out_valid;
  assign dma_read  = send_busy_q && send_rows_q != 0 && held_q + 2'(reading_q) < 2'd2 && !dma_write;
  assign dma_row   = dma_write ? take_row_q : send_row_q;
  assign dma_data  = out_data;
  assign sent      = send_busy_q && held_q != 0 && (send_image_q ? image_ready : in_ready);
  assign send_last = send_left_q <= (send_image_q ? 32'd4 : 32'(BeatBytes));
  assign row_end   = !send_image_q || image_lane_q == LaneW'(Lanes - 1) || send_last;

  always_ff @(posedge clk_i) begin
    reading_q <= rst_ni && dma_read;
    send_patience_q <= send_busy_q && !sent ? send_patience_q + 1'b1 : '0;
    take_patience_q <= take_busy_q && !dma_write ? take_patience_q + 1'b1 : '0;
    if (is_io && is_write && io == 8) send_addr_q <= mem_wdata;
    if (is_io && is_write && io == 9) send_bytes_q <= mem_wdata;
    if (is_io && is_write && io == 12) take_addr_q <= mem_wdata;

    if (!rst_ni) begin
      send_busy_q <= 1'b0;
    end else if (send_go) begin
      send_busy_q  <= send_bytes_q != 0;
      send_image_q <= mem_wdata == 0;
      send_row_q   <= RowW'(send_addr_q / BeatBytes);
      send_rows_q  <= (RowW + 1)'((send_bytes_q + BeatBytes - 1) / BeatBytes);
      send_left_q  <= send_bytes_q;
      image_lane_q <= '0;
      {rd_q, wr_q} <= '0;
      held_q       <= '0;
    end else if (send_busy_q) begin
      if (dma_read) begin
        send_row_q  <= send_row_q + 1'b1;
        send_rows_q <= send_rows_q - 1'b1;
      end
      if (reading_q) begin
        fifo_q[wr_q] <= dma_q;
        wr_q <= !wr_q;
      end
      if (sent) begin
        send_left_q  <= send_left_q - (send_image_q ? 4 : BeatBytes);
        image_lane_q <= row_end ? '0 : image_lane_q + 1'b1;
        if (row_end) rd_q <= !rd_q;
      end
      held_q <= held_q + 2'(reading_q) - 2'(sent && row_end);
      if ((sent && send_last) || send_patience_q[16]) send_busy_q <= 1'b0;
    end

    if (!rst_ni) begin
      take_busy_q <= 1'b0;
    end else if (take_go) begin
      take_busy_q <= mem_wdata != 0;
      take_row_q  <= RowW'(take_addr_q / BeatBytes);
      take_rows_q <= (RowW + 1)'((mem_wdata + BeatBytes - 1) / BeatBytes);
    end else if (take_busy_q) begin
      if (dma_write) begin
        take_row_q  <= take_row_q + 1'b1;
        take_rows_q <= take_rows_q - 1'b1;
      end
      if ((dma_write && take_rows_q == 1) || take_patience_q[16]) take_busy_q <= 1'b0;
    end
  end

  always_comb begin
    if (send_busy_q && send_image_q) begin
      image_valid = held_q != 0;
      image_data  = fifo_q[rd_q][32*image_lane_q+:32];
      image_last  = send_last;
    end else begin
      image_valid = io_image;
      image_data  = mem_wdata;
      image_last  = io_last;
    end
    if (send_busy_q && !send_image_q) begin
      in_valid = held_q != 0;
      in_data  = fifo_q[rd_q];
      in_last  = send_last;
    end else begin
      in_valid = io_frame && beat_full;
      in_data  = beat_q;
      in_data[32*in_lane_q+:32] = mem_wdata;
      in_last  = io_last;
    end
    out_ready = take_busy_q || (io_out && out_lane_q == LaneW'(Lanes - 1));
  end

  // --- errors, UART, cycles -------------------------------------------------------------------
  logic [31:0] errors_q, cycle_q;
  logic fails, clears;
  assign fails  = csb_failed || (is_io && expired) || send_patience_q[16] || take_patience_q[16];
  assign clears = is_io && !is_write && io == 6;
  always_ff @(posedge clk_i) begin
    cycle_q  <= rst_ni ? cycle_q + 1'b1 : '0;
    errors_q <= !rst_ni || clears ? 32'(rst_ni && fails) : errors_q + 32'(fails);
  end
  assign uart_valid_o = is_uart && is_write && mem_addr[3:2] == 0;
  assign uart_data_o  = mem_wdata[7:0];
  assign exit_valid_o = (is_uart && is_write && mem_addr[3:2] == 1) || (rst_ni && trap);
  assign exit_code_o  = trap ? 32'd99 : mem_wdata;

  // --- answers to the core --------------------------------------------------------------------
  assign mem_ready = (is_ram && ram_done_q) || csb_done || (is_io && word_done) || is_uart;
  always_comb begin
    mem_rdata = core_q[32*core_lane_q+:32];
    if (is_csb) mem_rdata = rdata;
    if (is_uart) mem_rdata = cycle_q;
    if (is_io) begin
      mem_rdata = out_data[32*out_lane_q+:32];
      if (io == 6) mem_rdata = errors_q;
      if (io == 11) mem_rdata = {31'd0, send_busy_q};
      if (io == 14) mem_rdata = {31'd0, take_busy_q};
    end
  end

  // --- accelerator ----------------------------------------------------------------------------
  logic [StreamW/8-1:0] out_keep;
  logic irq;
  `CSB_TOP u_csb (
      .aclk(clk_i),
      .aresetn(rst_ni),
      .irq(irq),
      .s_axil_awaddr(mem_addr[11:0]),
      .s_axil_awprot('0),
      .s_axil_awvalid(aw_q),
      .s_axil_awready(awready),
      .s_axil_wdata(mem_wdata),
      .s_axil_wstrb(mem_wstrb),
      .s_axil_wvalid(w_q),
      .s_axil_wready(wready),
      .s_axil_bresp(bresp),
      .s_axil_bvalid(bvalid),
      .s_axil_bready(wait_b_q),
      .s_axil_araddr(mem_addr[11:0]),
      .s_axil_arprot('0),
      .s_axil_arvalid(ar_q),
      .s_axil_arready(arready),
      .s_axil_rdata(rdata),
      .s_axil_rresp(rresp),
      .s_axil_rvalid(rvalid),
      .s_axil_rready(wait_r_q),
      .s_axis_image_tdata(image_data),
      .s_axis_image_tvalid(image_valid),
      .s_axis_image_tready(image_ready),
      .s_axis_image_tlast(image_last),
      .s_axis_frame_tdata(in_data),
      .s_axis_frame_tvalid(in_valid),
      .s_axis_frame_tready(in_ready),
      .s_axis_frame_tlast(in_last),
      .m_axis_frame_tdata(out_data),
      .m_axis_frame_tkeep(out_keep),
      .m_axis_frame_tvalid(out_valid),
      .m_axis_frame_tready(out_ready),
      .m_axis_frame_tlast(out_last)
  );

  logic unused;
  assign unused = ^{mem_instr, irq, out_keep, out_last, mem_addr[27:12]};
endmodule
`default_nettype wire
