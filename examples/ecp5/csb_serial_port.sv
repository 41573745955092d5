// SPDX-License-Identifier: Apache-2.0
//
// Commands of a host, as bytes, to the ports of csb_top; the answers as bytes. A command is its
// letter and an argument of 16 bits, low byte first:
//
//   letter  argument                          then            answer
//   R       byte offset of a register         -               4 bytes of the register, status
//   W       byte offset of a register         4 bytes         status
//   I       bytes; bit 15: the packet's last  bytes of image  status
//   F       bytes; bit 15: the packet's last  input frame     status
//   O       bytes                             -               bytes of the output frame, status
//
// Status: K; E if the register answers with an error, if a stream does not move for 2^StallBits
// cycles (the rest of the command does nothing), if bytes of a word or a beat are missing, or if
// the letter is unknown. A command of which no byte comes for 2^QuietBits cycles is forgotten
// without an answer, so a host that has lost its place waits that long.
//
// Words and beats have their low byte first. TLAST comes with the last beat of a command with bit
// 15 set. Bytes of an output beat that no O has asked for are lost: a host asks for whole beats.
`default_nettype none
module csb_serial_port #(
    parameter int StreamW   = 64,  // bits of a beat, 32 at least
    parameter int StallBits = 16,
    parameter int QuietBits = 24
) (
    input  wire logic               clk_i,
    input  wire logic               rst_ni,
    output logic                    active_o,       // a command is under way
    // bytes
    input  wire logic               rx_valid_i,
    output logic                    rx_ready_o,
    input  wire logic [        7:0] rx_data_i,
    output logic                    tx_valid_o,
    input  wire logic               tx_ready_i,
    output logic      [        7:0] tx_data_o,
    // registers, AXI4-Lite
    output logic      [       11:0] addr_o,         // of reads and writes
    output logic                    awvalid_o,
    input  wire logic               awready_i,
    output logic      [       31:0] wdata_o,
    output logic                    wvalid_o,
    input  wire logic               wready_i,
    input  wire logic               bvalid_i,
    input  wire logic [        1:0] bresp_i,
    output logic                    bready_o,
    output logic                    arvalid_o,
    input  wire logic               arready_i,
    input  wire logic               rvalid_i,
    input  wire logic [        1:0] rresp_i,
    input  wire logic [       31:0] rdata_i,
    output logic                    rready_o,
    // image, input frames, output frames: AXI4-Stream
    output logic                    image_valid_o,
    input  wire logic               image_ready_i,
    output logic      [       31:0] image_data_o,
    output logic                    image_last_o,
    output logic                    in_valid_o,
    input  wire logic               in_ready_i,
    output logic      [StreamW-1:0] in_data_o,
    output logic                    in_last_o,
    input  wire logic               out_valid_i,
    output logic                    out_ready_o,
    input  wire logic [StreamW-1:0] out_data_i
);
  typedef enum logic [2:0] {
    StLetter,  // a command is awaited
    StLow,     // low byte of its argument
    StHigh,    // high byte
    StCollect, // bytes of a word or beat come
    StPut,     // it is given to its port
    StGet,     // a word or beat is taken from a port
    StGive,    // its bytes go out
    StStatus   // the status goes out
  } state_e;
  localparam logic [7:0] Read = "R", Write = "W", Image = "I", Frame = "F", Output = "O";
  localparam logic [7:0] Fine = "K", Failed = "E";
  localparam int BeatBytes = StreamW / 8;
  localparam int LaneW = $clog2(BeatBytes);

  state_e state_q;
  logic [7:0] letter_q;
  logic [15:0] arg_q;
  logic [14:0] left_q;  // bytes of the command or of its answer that are left
  logic [LaneW-1:0] lane_q;  // byte of a word or beat
  logic [StreamW-1:0] beat_q;  // comes in at the top, goes out at the bottom
  logic last_q, failed_q;
  logic addr_given_q, data_given_q;  // the register port has taken the address, the data

  logic is_beat, unit_ends, rx_taken, tx_taken, put_done, get_done, answer_bad;
  logic [15:0] arg;
  assign is_beat   = letter_q == Frame || letter_q == Output;
  assign unit_ends = lane_q == (is_beat ? LaneW'(BeatBytes - 1) : LaneW'(3));
  assign arg       = {rx_data_i, arg_q[7:0]};
  assign rx_taken  = rx_valid_i && rx_ready_o;
  assign tx_taken  = tx_valid_o && tx_ready_i;

  // A port that does not move, a host that does not go on.
  logic [StallBits:0] stall_q;
  logic [QuietBits:0] quiet_q;
  logic stalled, quiet;
  assign stalled = stall_q[StallBits];
  assign quiet   = quiet_q[QuietBits];
  always_ff @(posedge clk_i) begin
    if (rst_ni && (state_q == StPut || state_q == StGet) && !stalled) stall_q <= stall_q + 1'b1;
    else stall_q <= '0;
    if (rst_ni && rx_ready_o && state_q != StLetter && !rx_valid_i) quiet_q <= quiet_q + 1'b1;
    else quiet_q <= '0;
  end

  assign active_o = state_q != StLetter;
  assign rx_ready_o = state_q == StLetter || state_q == StLow || state_q == StHigh ||
                      state_q == StCollect;
  assign tx_valid_o = state_q == StGive || state_q == StStatus;
  assign tx_data_o = state_q == StGive ? beat_q[7:0] : failed_q ? Failed : Fine;

  // Ports. A command that has failed does nothing more to them.
  logic puts, gets;
  assign puts          = state_q == StPut && !failed_q;
  assign gets          = state_q == StGet && !failed_q;
  assign addr_o        = arg_q[11:0];
  assign wdata_o       = beat_q[StreamW-1-:32];
  assign awvalid_o     = puts && letter_q == Write && !addr_given_q;
  assign wvalid_o      = puts && letter_q == Write && !data_given_q;
  assign bready_o      = puts && letter_q == Write;
  assign arvalid_o     = gets && letter_q == Read && !addr_given_q;
  assign rready_o      = gets && letter_q == Read;
  assign image_valid_o = puts && letter_q == Image;
  assign image_data_o  = beat_q[StreamW-1-:32];
  assign image_last_o  = last_q && left_q == '0;
  assign in_valid_o    = puts && letter_q == Frame;
  assign in_data_o     = beat_q;
  assign in_last_o     = last_q && left_q == '0;
  assign out_ready_o   = gets && letter_q == Output;

  always_comb begin
    unique case (letter_q)
      Write:   put_done = bvalid_i;
      Image:   put_done = image_ready_i;
      default: put_done = in_ready_i;
    endcase
    get_done   = letter_q == Read ? rvalid_i : out_valid_i;
    answer_bad = stalled;
    if (puts && letter_q == Write && bvalid_i) answer_bad = bresp_i != 2'b00;
    if (gets && letter_q == Read && rvalid_i) answer_bad = rresp_i != 2'b00;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StLetter;
    end else if (quiet) begin
      state_q <= StLetter;
    end else begin
      unique case (state_q)
        StLetter: begin
          letter_q <= rx_data_i;
          lane_q <= '0;
          failed_q <= 1'b0;
          {addr_given_q, data_given_q} <= 2'b00;
          if (rx_taken) state_q <= StLow;
        end
        StLow: begin
          arg_q[7:0] <= rx_data_i;
          if (rx_taken) state_q <= StHigh;
        end
        StHigh: begin
          arg_q[15:8] <= rx_data_i;
          last_q      <= arg[15];
          left_q      <= arg[14:0];
          if (rx_taken) begin
            unique case (letter_q)
              Read, Write: begin
                left_q  <= 15'd4;
                state_q <= letter_q == Read ? StGet : StCollect;
              end
              Image, Frame: state_q <= arg[14:0] == '0 ? StStatus : StCollect;
              Output:       state_q <= arg[14:0] == '0 ? StStatus : StGet;
              default: begin
                failed_q <= 1'b1;
                state_q  <= StStatus;
              end
            endcase
          end
        end
        StCollect: begin
          if (rx_taken) begin
            beat_q <= {rx_data_i, beat_q[StreamW-1:8]};
            left_q <= left_q - 1'b1;
            lane_q <= unit_ends ? '0 : lane_q + 1'b1;
            if (unit_ends) begin
              state_q <= StPut;
            end else if (left_q == 15'd1) begin
              failed_q <= 1'b1;
              state_q  <= StStatus;
            end
          end
        end
        StPut: begin
          if (awready_i) addr_given_q <= 1'b1;
          if (wready_i) data_given_q <= 1'b1;
          if (failed_q || put_done || stalled) begin
            failed_q <= failed_q || answer_bad;
            state_q  <= left_q == '0 ? StStatus : StCollect;
          end
        end
        StGet: begin
          if (arready_i) addr_given_q <= 1'b1;
          beat_q <= letter_q == Read ? StreamW'(rdata_i) : out_data_i;
          if (failed_q || get_done || stalled) begin
            if (failed_q || !get_done) beat_q <= '0;
            failed_q <= failed_q || answer_bad;
            state_q  <= StGive;
          end
        end
        StGive: begin
          if (tx_taken) begin
            beat_q <= {8'd0, beat_q[StreamW-1:8]};
            left_q <= left_q - 1'b1;
            lane_q <= unit_ends ? '0 : lane_q + 1'b1;
            if (left_q == 15'd1) state_q <= StStatus;
            else if (unit_ends) state_q <= StGet;
          end
        end
        StStatus: if (tx_taken) state_q <= StLetter;
        default:  state_q <= StLetter;
      endcase
    end
  end
endmodule
`default_nettype wire
