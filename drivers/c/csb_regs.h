/* SPDX-License-Identifier: Apache-2.0
 * Generated from the register map: do not edit. CSB_REG_NAME is the byte offset of NAME. */
#ifndef CSB_REGS_H
#define CSB_REGS_H

/* IDENTITY.magic */
#define CSB_MAGIC 0x425343u
/* IDENTITY.map that this file is for */
#define CSB_MAP_VERSION 3u
/* RO: 'C', 'S', 'B', version of this register map, from the low byte */
#define CSB_REG_IDENTITY 0x00u
/* 'C', 'S', 'B' */
#define CSB_IDENTITY_MAGIC_LSB 0u
#define CSB_IDENTITY_MAGIC_MASK 0x00FFFFFFu
/* version of this register map */
#define CSB_IDENTITY_MAP_LSB 24u
#define CSB_IDENTITY_MAP_MASK 0xFF000000u
/* RO: what an image's header must carry */
#define CSB_REG_CONFIG_HASH 0x04u
/* RO: size of the engine */
#define CSB_REG_GRID 0x08u
/* K */
#define CSB_GRID_K_LSB 0u
#define CSB_GRID_K_MASK 0x000000FFu
/* L */
#define CSB_GRID_L_LSB 8u
#define CSB_GRID_L_MASK 0x0000FF00u
/* P */
#define CSB_GRID_P_LSB 16u
#define CSB_GRID_P_MASK 0x00FF0000u
/* Q */
#define CSB_GRID_Q_LSB 24u
#define CSB_GRID_Q_MASK 0xFF000000u
/* RO: number formats */
#define CSB_REG_FORMATS 0x0Cu
/* bits of inputs and h */
#define CSB_FORMATS_DATA_W_LSB 0u
#define CSB_FORMATS_DATA_W_MASK 0x000000FFu
/* bits of a state */
#define CSB_FORMATS_STATE_W_LSB 8u
#define CSB_FORMATS_STATE_W_MASK 0x0000FF00u
/* fraction bits of a state */
#define CSB_FORMATS_STATE_FRAC_LSB 16u
#define CSB_FORMATS_STATE_FRAC_MASK 0x00FF0000u
/* accumulator banks of a PE row */
#define CSB_FORMATS_DRAIN_BANKS_LSB 24u
#define CSB_FORMATS_DRAIN_BANKS_MASK 0xFF000000u
/* RO: frame streams */
#define CSB_REG_STREAM 0x10u
/* bits of a beat */
#define CSB_STREAM_STREAM_W_LSB 0u
#define CSB_STREAM_STREAM_W_MASK 0x0000FFFFu
/* input values written in a cycle */
#define CSB_STREAM_X_PER_CYCLE_LSB 16u
#define CSB_STREAM_X_PER_CYCLE_MASK 0x00FF0000u
/* built in, from bit 0: horizontal sharing, vertical sharing */
#define CSB_STREAM_SHARING_LSB 24u
#define CSB_STREAM_SHARING_MASK 0x03000000u
/* RO: version of the hardware, as `csb_rnn.__version__` */
#define CSB_REG_VERSION 0x14u
/* patch */
#define CSB_VERSION_PATCH_LSB 0u
#define CSB_VERSION_PATCH_MASK 0x000000FFu
/* minor */
#define CSB_VERSION_MINOR_LSB 8u
#define CSB_VERSION_MINOR_MASK 0x0000FF00u
/* major */
#define CSB_VERSION_MAJOR_LSB 16u
#define CSB_VERSION_MAJOR_MASK 0xFFFF0000u
/* RO: words of a PEGroup */
#define CSB_REG_WORD 0x18u
/* bits of a weight */
#define CSB_WORD_WEIGHT_W_LSB 0u
#define CSB_WORD_WEIGHT_W_MASK 0x000000FFu
/* PE rows that share neuron addresses; 1: none */
#define CSB_WORD_SHARED_COLS_LSB 8u
#define CSB_WORD_SHARED_COLS_MASK 0x0000FF00u
/* RW: run control */
#define CSB_REG_CONTROL 0x20u
/* write 1 to start; reads as zero */
#define CSB_CONTROL_START_LSB 0u
#define CSB_CONTROL_START_MASK 0x00000001u
/* write 1 to stop; reads as zero */
#define CSB_CONTROL_STOP_LSB 1u
#define CSB_CONTROL_STOP_MASK 0x00000002u
/* a run begins with a zero state instead of the state memory's */
#define CSB_CONTROL_FRESH_LSB 2u
#define CSB_CONTROL_FRESH_MASK 0x00000004u
/* write 1 to stop and forget cut input; reads as zero */
#define CSB_CONTROL_FLUSH_LSB 3u
#define CSB_CONTROL_FLUSH_MASK 0x00000008u
/* write 1 to reset all but this port; reads as zero */
#define CSB_CONTROL_RESET_LSB 4u
#define CSB_CONTROL_RESET_MASK 0x00000010u
/* RO: what the engine does */
#define CSB_REG_STATUS 0x24u
/* an image is loaded and its checksum was right */
#define CSB_STATUS_IMAGE_VALID_LSB 0u
#define CSB_STATUS_IMAGE_VALID_MASK 0x00000001u
/* between start and stop or error */
#define CSB_STATUS_RUNNING_LSB 1u
#define CSB_STATUS_RUNNING_MASK 0x00000002u
/* nothing moves: state window open */
#define CSB_STATUS_IDLE_LSB 2u
#define CSB_STATUS_IDLE_MASK 0x00000004u
/* an image is being taken */
#define CSB_STATUS_LOADING_LSB 3u
#define CSB_STATUS_LOADING_MASK 0x00000008u
/* a cut output frame waits to be taken up to its TLAST */
#define CSB_STATUS_OUT_OPEN_LSB 4u
#define CSB_STATUS_OUT_OPEN_MASK 0x00000010u
/* the rest of a cut input frame is dropped up to its TLAST */
#define CSB_STATUS_IN_CUT_LSB 5u
#define CSB_STATUS_IN_CUT_MASK 0x00000020u
/* a start is done once the machine is at rest, out_open 0 */
#define CSB_STATUS_START_WAITS_LSB 6u
#define CSB_STATUS_START_WAITS_MASK 0x00000040u
/* error code */
#define CSB_STATUS_ERROR_LSB 8u
#define CSB_STATUS_ERROR_MASK 0x0000FF00u
/* RW: which pending bits raise irq */
#define CSB_REG_IRQ_ENABLE 0x28u
/* image loaded */
#define CSB_IRQ_ENABLE_LOADED_LSB 0u
#define CSB_IRQ_ENABLE_LOADED_MASK 0x00000001u
/* error */
#define CSB_IRQ_ENABLE_ERROR_LSB 1u
#define CSB_IRQ_ENABLE_ERROR_MASK 0x00000002u
/* W1C: interrupt causes */
#define CSB_REG_IRQ_PENDING 0x2Cu
/* image loaded */
#define CSB_IRQ_PENDING_LOADED_LSB 0u
#define CSB_IRQ_PENDING_LOADED_MASK 0x00000001u
/* error */
#define CSB_IRQ_PENDING_ERROR_LSB 1u
#define CSB_IRQ_PENDING_ERROR_MASK 0x00000002u
/* RW: cycles that a beat may be owed before error `timeout`; 0: for ever; 2^24 after reset; a write begins the count anew */
#define CSB_REG_WATCHDOG 0x30u
/* RO: cycles while running; reading it holds CYCLES_HI */
#define CSB_REG_CYCLES_LO 0x40u
/* RO: bits 63..32 as of the last read of CYCLES_LO */
#define CSB_REG_CYCLES_HI 0x44u
/* RO: iterations (frames of all streams) that were issued */
#define CSB_REG_ITERATIONS 0x48u
/* RO: input frames taken whole */
#define CSB_REG_FRAMES_IN 0x4Cu
/* RO: output frames sent whole */
#define CSB_REG_FRAMES_OUT 0x50u
/* RO: data path values that saturated */
#define CSB_REG_SATURATIONS 0x54u
/* RO: cycles in which a PEGroup waited, all of them added */
#define CSB_REG_STALL_ENGINE 0x58u
/* RO: cycles: drain unit waits for PEGroups */
#define CSB_REG_STALL_MARK 0x5Cu
/* RO: cycles: drain unit waits for a free register set */
#define CSB_REG_STALL_REG 0x60u
/* RO: cycles: element unit waits for the drain unit */
#define CSB_REG_STALL_POST 0x64u
/* RO: cycles: element unit waits for a free output buffer */
#define CSB_REG_STALL_OUT 0x68u
/* RO: cycles: an input beat is offered and not taken */
#define CSB_REG_STALL_X 0x6Cu
/* RO: cycles: an input beat could be taken and none is offered */
#define CSB_REG_WAIT_X 0x70u
/* RO: cycles: an output beat is offered and not taken */
#define CSB_REG_STALL_SINK 0x74u
/* RO: output frames completed with zeros, modulo 2^16; no start clears it */
#define CSB_REG_FRAMES_CUT 0x78u
/* frames */
#define CSB_FRAMES_CUT_FRAMES_LSB 0u
#define CSB_FRAMES_CUT_FRAMES_MASK 0x0000FFFFu
/* RW: PEGroup k*L + l of PEG_ISSUE */
#define CSB_REG_PEG_SELECT 0x80u
/* index */
#define CSB_PEG_SELECT_GROUP_LSB 0u
#define CSB_PEG_SELECT_GROUP_MASK 0x000000FFu
/* RO: cycles in which the selected PEGroup issued useful work; SLVERR if there is none such */
#define CSB_REG_PEG_ISSUE 0x84u
/* RW: word of the state memory that STATE_DATA is */
#define CSB_REG_STATE_ADDR 0x90u
/* address */
#define CSB_STATE_ADDR_ADDR_LSB 0u
#define CSB_STATE_ADDR_ADDR_MASK 0x0000FFFFu
/* data path lane */
#define CSB_STATE_ADDR_LANE_LSB 16u
#define CSB_STATE_ADDR_LANE_MASK 0xFFFF0000u
/* RW: state word, signed; SLVERR if there is no such word, or unless idle throughout */
#define CSB_REG_STATE_DATA 0x94u
/* no error */
#define CSB_ERROR_NONE 0u
/* image: does not begin with CSB1 */
#define CSB_ERROR_MAGIC 1u
/* image: made for another version of the format */
#define CSB_ERROR_VERSION 2u
/* image: made for another configuration */
#define CSB_ERROR_CONFIG 3u
/* image: TLAST or a section's end is not where the header says */
#define CSB_ERROR_LENGTH 4u
/* image: a section names an unknown target or does not fit its memory */
#define CSB_ERROR_SECTION 5u
/* image: wrong checksum */
#define CSB_ERROR_CRC 6u
/* input frame: TLAST is not on the last beat that the program expects */
#define CSB_ERROR_FRAME 7u
/* start without a valid image, or while one is loaded */
#define CSB_ERROR_NO_IMAGE 8u
/* no beat that was owed came within WATCHDOG cycles: of a run, or of an image */
#define CSB_ERROR_TIMEOUT 9u
/* image: CONTROL.flush ended it before its TLAST */
#define CSB_ERROR_FLUSHED 10u
/* start while running; the run goes on */
#define CSB_ERROR_BUSY 11u
/* image: a program register's value is out of its range */
#define CSB_ERROR_VALUE 12u
/* image: lacks the registers, a program's last word or the output table */
#define CSB_ERROR_MISSING 13u
/* an output frame came that no input frame had asked for, or of a wrong length */
#define CSB_ERROR_PROGRAM 14u
/* a word of a program, a bias or the output table has a flipped bit; no image */
#define CSB_ERROR_PARITY 15u
/* X(code, name, what it means, what the host does) for each error code from 0 on */
#define CSB_ERROR_LIST(X) \
  X(0, NONE, "no error", "-") \
  X(1, MAGIC, "image: does not begin with CSB1", "check that the file is whole and send it again, then start") \
  X(2, VERSION, "image: made for another version of the format", "build the image for this hardware (CONFIG_HASH, image format), send it, start") \
  X(3, CONFIG, "image: made for another configuration", "build the image for this hardware (CONFIG_HASH, image format), send it, start") \
  X(4, LENGTH, "image: TLAST or a section's end is not where the header says", "if its transfer was reset: CONTROL.flush; check that the file is whole and send it again, then start") \
  X(5, SECTION, "image: a section names an unknown target or does not fit its memory", "build the image for this hardware (CONFIG_HASH, image format), send it, start") \
  X(6, CRC, "image: wrong checksum", "check that the file is whole and send it again, then start") \
  X(7, FRAME, "input frame: TLAST is not on the last beat that the program expects", "send frames of the program's length with TLAST on the last beat; if the transfer was reset: CONTROL.flush; then start") \
  X(8, NO_IMAGE, "start without a valid image, or while one is loaded", "load an image, then start") \
  X(9, TIMEOUT, "no beat that was owed came within WATCHDOG cycles: of a run, or of an image", "of a run: the program is wrong or WATCHDOG too small: load an image or write WATCHDOG, then start; of an image: send it again from its first word, then start") \
  X(10, FLUSHED, "image: CONTROL.flush ended it before its TLAST", "send the image again, then start") \
  X(11, BUSY, "start while running; the run goes on", "nothing, or CONTROL.stop and start in one write to start the run anew") \
  X(12, VALUE, "image: a program register's value is out of its range", "build the image for this hardware (CONFIG_HASH, image format), send it, start") \
  X(13, MISSING, "image: lacks the registers, a program's last word or the output table", "build the image for this hardware (CONFIG_HASH, image format), send it, start") \
  X(14, PROGRAM, "an output frame came that no input frame had asked for, or of a wrong length", "build the image for this hardware (CONFIG_HASH, image format), send it, start") \
  X(15, PARITY, "a word of a program, a bias or the output table has a flipped bit; no image", "send the image again, then start; if it comes again, the memory itself is broken")

/* X(register, field, offset, lowest bit, width, access) for each field. RO: a write gets
 * SLVERR. W1C: a 1 clears the bit. WO: a 1 is a command; it reads as zero. */
#define CSB_FIELD_LIST(X) \
  X(IDENTITY, MAGIC, 0x00u, 0u, 24u, RO) \
  X(IDENTITY, MAP, 0x00u, 24u, 8u, RO) \
  X(CONFIG_HASH, CONFIG_HASH, 0x04u, 0u, 32u, RO) \
  X(GRID, K, 0x08u, 0u, 8u, RO) \
  X(GRID, L, 0x08u, 8u, 8u, RO) \
  X(GRID, P, 0x08u, 16u, 8u, RO) \
  X(GRID, Q, 0x08u, 24u, 8u, RO) \
  X(FORMATS, DATA_W, 0x0Cu, 0u, 8u, RO) \
  X(FORMATS, STATE_W, 0x0Cu, 8u, 8u, RO) \
  X(FORMATS, STATE_FRAC, 0x0Cu, 16u, 8u, RO) \
  X(FORMATS, DRAIN_BANKS, 0x0Cu, 24u, 8u, RO) \
  X(STREAM, STREAM_W, 0x10u, 0u, 16u, RO) \
  X(STREAM, X_PER_CYCLE, 0x10u, 16u, 8u, RO) \
  X(STREAM, SHARING, 0x10u, 24u, 2u, RO) \
  X(VERSION, PATCH, 0x14u, 0u, 8u, RO) \
  X(VERSION, MINOR, 0x14u, 8u, 8u, RO) \
  X(VERSION, MAJOR, 0x14u, 16u, 16u, RO) \
  X(WORD, WEIGHT_W, 0x18u, 0u, 8u, RO) \
  X(WORD, SHARED_COLS, 0x18u, 8u, 8u, RO) \
  X(CONTROL, START, 0x20u, 0u, 1u, WO) \
  X(CONTROL, STOP, 0x20u, 1u, 1u, WO) \
  X(CONTROL, FRESH, 0x20u, 2u, 1u, RW) \
  X(CONTROL, FLUSH, 0x20u, 3u, 1u, WO) \
  X(CONTROL, RESET, 0x20u, 4u, 1u, WO) \
  X(STATUS, IMAGE_VALID, 0x24u, 0u, 1u, RO) \
  X(STATUS, RUNNING, 0x24u, 1u, 1u, RO) \
  X(STATUS, IDLE, 0x24u, 2u, 1u, RO) \
  X(STATUS, LOADING, 0x24u, 3u, 1u, RO) \
  X(STATUS, OUT_OPEN, 0x24u, 4u, 1u, RO) \
  X(STATUS, IN_CUT, 0x24u, 5u, 1u, RO) \
  X(STATUS, START_WAITS, 0x24u, 6u, 1u, RO) \
  X(STATUS, ERROR, 0x24u, 8u, 8u, RO) \
  X(IRQ_ENABLE, LOADED, 0x28u, 0u, 1u, RW) \
  X(IRQ_ENABLE, ERROR, 0x28u, 1u, 1u, RW) \
  X(IRQ_PENDING, LOADED, 0x2Cu, 0u, 1u, W1C) \
  X(IRQ_PENDING, ERROR, 0x2Cu, 1u, 1u, W1C) \
  X(WATCHDOG, WATCHDOG, 0x30u, 0u, 32u, RW) \
  X(CYCLES_LO, CYCLES_LO, 0x40u, 0u, 32u, RO) \
  X(CYCLES_HI, CYCLES_HI, 0x44u, 0u, 32u, RO) \
  X(ITERATIONS, ITERATIONS, 0x48u, 0u, 32u, RO) \
  X(FRAMES_IN, FRAMES_IN, 0x4Cu, 0u, 32u, RO) \
  X(FRAMES_OUT, FRAMES_OUT, 0x50u, 0u, 32u, RO) \
  X(SATURATIONS, SATURATIONS, 0x54u, 0u, 32u, RO) \
  X(STALL_ENGINE, STALL_ENGINE, 0x58u, 0u, 32u, RO) \
  X(STALL_MARK, STALL_MARK, 0x5Cu, 0u, 32u, RO) \
  X(STALL_REG, STALL_REG, 0x60u, 0u, 32u, RO) \
  X(STALL_POST, STALL_POST, 0x64u, 0u, 32u, RO) \
  X(STALL_OUT, STALL_OUT, 0x68u, 0u, 32u, RO) \
  X(STALL_X, STALL_X, 0x6Cu, 0u, 32u, RO) \
  X(WAIT_X, WAIT_X, 0x70u, 0u, 32u, RO) \
  X(STALL_SINK, STALL_SINK, 0x74u, 0u, 32u, RO) \
  X(FRAMES_CUT, FRAMES, 0x78u, 0u, 16u, RO) \
  X(PEG_SELECT, GROUP, 0x80u, 0u, 8u, RW) \
  X(PEG_ISSUE, PEG_ISSUE, 0x84u, 0u, 32u, RO) \
  X(STATE_ADDR, ADDR, 0x90u, 0u, 16u, RW) \
  X(STATE_ADDR, LANE, 0x90u, 16u, 16u, RW) \
  X(STATE_DATA, STATE_DATA, 0x94u, 0u, 32u, RW)

#endif
