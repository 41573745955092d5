// SPDX-License-Identifier: Apache-2.0
//
// csb_top behind a serial line, with an image that it reads from a serial flash after reset. All
// of a board's design but pins, PLL and the pad of the flash's clock. csb_top_board is the wrapper
// of a configuration as `csb-rnn rtl` writes it, under this name.
//
// The line carries commands (csb_serial_port). Its bytes wait in a queue of 2,048: a host may have
// as many on their way that are not answered. The flash's image goes first; the host's is taken
// after it.
`default_nettype none
module csb_ecp5 #(
    parameter int          StreamW   = 64,           // of csb_top_board
    parameter int          BitCycles = 20,           // cycles of a bit on the line
    parameter logic [23:0] FlashAddr = 24'h20_0000,  // of the image
    parameter int          StallBits = 16,           // of csb_serial_port
    parameter int          QuietBits = 24
) (
    input  wire logic clk_i,
    input  wire logic rst_ni,
    input  wire logic rx_i,
    output logic      tx_o,
    output logic      flash_cs_no,
    output logic      flash_sck_o,
    output logic      flash_mosi_o,
    input  wire logic flash_miso_i,
    // lights
    output logic      boots_o,       // the flash is read
    output logic      no_image_o,    // the flash held none
    output logic      active_o,      // a command is under way
    output logic      irq_o
);
  logic rx_valid, byte_valid, byte_ready, tx_valid, tx_ready;
  logic [7:0] rx_data, byte_data, tx_data;
  csb_uart_rx #(
      .BitCycles(BitCycles)
  ) u_rx (
      .clk_i,
      .rst_ni,
      .rx_i,
      .valid_o(rx_valid),
      .data_o (rx_data)
  );
  csb_byte_fifo u_fifo (
      .clk_i,
      .rst_ni,
      .valid_i(rx_valid),
      .data_i (rx_data),
      .valid_o(byte_valid),
      .ready_i(byte_ready),
      .data_o (byte_data)
  );
  csb_uart_tx #(
      .BitCycles(BitCycles)
  ) u_tx (
      .clk_i,
      .rst_ni,
      .valid_i(tx_valid),
      .ready_o(tx_ready),
      .data_i (tx_data),
      .tx_o
  );

  // --- image: the flash's first ---------------------------------------------------------------
  logic boot_valid, boot_last, host_valid, host_last, image_ready;
  logic [31:0] boot_data, host_data;
  csb_flash_boot #(
      .FlashAddr(FlashAddr)
  ) u_boot (
      .clk_i,
      .rst_ni,
      .busy_o (boots_o),
      .none_o (no_image_o),
      .cs_no  (flash_cs_no),
      .sck_o  (flash_sck_o),
      .mosi_o (flash_mosi_o),
      .miso_i (flash_miso_i),
      .valid_o(boot_valid),
      .ready_i(image_ready),
      .data_o (boot_data),
      .last_o (boot_last)
  );

  // --- commands -------------------------------------------------------------------------------
  logic [11:0] addr;
  logic awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [31:0] wdata, rdata;
  logic [1:0] bresp, rresp;
  logic in_valid, in_ready, in_last, out_valid, out_ready, out_last;
  logic [StreamW-1:0] in_data, out_data;
  logic [StreamW/8-1:0] out_keep;
  csb_serial_port #(
      .StreamW  (StreamW),
      .StallBits(StallBits),
      .QuietBits(QuietBits)
  ) u_port (
      .clk_i,
      .rst_ni,
      .active_o,
      .rx_valid_i   (byte_valid),
      .rx_ready_o   (byte_ready),
      .rx_data_i    (byte_data),
      .tx_valid_o   (tx_valid),
      .tx_ready_i   (tx_ready),
      .tx_data_o    (tx_data),
      .addr_o       (addr),
      .awvalid_o    (awvalid),
      .awready_i    (awready),
      .wdata_o      (wdata),
      .wvalid_o     (wvalid),
      .wready_i     (wready),
      .bvalid_i     (bvalid),
      .bresp_i      (bresp),
      .bready_o     (bready),
      .arvalid_o    (arvalid),
      .arready_i    (arready),
      .rvalid_i     (rvalid),
      .rresp_i      (rresp),
      .rdata_i      (rdata),
      .rready_o     (rready),
      .image_valid_o(host_valid),
      .image_ready_i(image_ready && !boots_o),
      .image_data_o (host_data),
      .image_last_o (host_last),
      .in_valid_o   (in_valid),
      .in_ready_i   (in_ready),
      .in_data_o    (in_data),
      .in_last_o    (in_last),
      .out_valid_i  (out_valid),
      .out_ready_o  (out_ready),
      .out_data_i   (out_data)
  );

  csb_top_board u_csb (
      .aclk               (clk_i),
      .aresetn            (rst_ni),
      .irq                (irq_o),
      .s_axil_awaddr      (addr),
      .s_axil_awprot      (3'd0),
      .s_axil_awvalid     (awvalid),
      .s_axil_awready     (awready),
      .s_axil_wdata       (wdata),
      .s_axil_wstrb       (4'hf),
      .s_axil_wvalid      (wvalid),
      .s_axil_wready      (wready),
      .s_axil_bresp       (bresp),
      .s_axil_bvalid      (bvalid),
      .s_axil_bready      (bready),
      .s_axil_araddr      (addr),
      .s_axil_arprot      (3'd0),
      .s_axil_arvalid     (arvalid),
      .s_axil_arready     (arready),
      .s_axil_rdata       (rdata),
      .s_axil_rresp       (rresp),
      .s_axil_rvalid      (rvalid),
      .s_axil_rready      (rready),
      .s_axis_image_tdata (boots_o ? boot_data : host_data),
      .s_axis_image_tvalid(boots_o ? boot_valid : host_valid),
      .s_axis_image_tready(image_ready),
      .s_axis_image_tlast (boots_o ? boot_last : host_last),
      .s_axis_frame_tdata (in_data),
      .s_axis_frame_tvalid(in_valid),
      .s_axis_frame_tready(in_ready),
      .s_axis_frame_tlast (in_last),
      .m_axis_frame_tdata (out_data),
      .m_axis_frame_tkeep (out_keep),
      .m_axis_frame_tvalid(out_valid),
      .m_axis_frame_tready(out_ready),
      .m_axis_frame_tlast (out_last)
  );

  logic unused;
  assign unused = ^{out_keep, out_last};
endmodule
`default_nettype wire
