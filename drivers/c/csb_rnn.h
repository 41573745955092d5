/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Driver of the CSB-RNN accelerator in C99: no allocation, no library, no global state.
 *
 * The user gives four functions (csb_io): registers and streams. Everything else is here. A network is
 * described by the header that `csb-rnn build` writes (network.h).
 *
 *     csb_device d;
 *     if (csb_probe(&d, &io, &csb_network_this)) ...     is it this hardware?
 *     if (csb_load(&d)) ...                              send the image
 *     if (csb_start(&d, 1)) ...                          with zero states
 *     csb_push(&d, x); csb_pull(&d, y);                  a frame in, a frame out
 *     csb_stop(&d, y);
 *
 * All functions that return `int` return CSB_OK or another csb_result. Frames are int16_t values in
 * fixed point, padded to whole beats: csb_in_values() and csb_out_values() say how many. The byte order
 * is little endian, the processor's as well.
 */
#ifndef CSB_RNN_H
#define CSB_RNN_H

#include <stddef.h>
#include <stdint.h>

#include "csb_regs.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CSB_OK = 0,
  CSB_E_BUS,       /* a register access was answered with an error */
  CSB_E_STREAM,    /* a stream's function reported an error or its own time limit */
  CSB_E_IDENTITY, /* no CSB-RNN accelerator, or another version of the register map */
  CSB_E_CONFIG,    /* the network was built for another configuration */
  CSB_E_MACHINE,   /* the machine stopped with an error code: csb_error() */
  CSB_E_BUSY,      /* it did not come to rest within `polls` reads of STATUS */
  CSB_E_RANGE      /* an argument is out of its range */
} csb_result;

typedef enum { CSB_TO_IMAGE, CSB_TO_FRAMES } csb_port;

/** What the user gives: four functions, each returning 0 or, on an error, anything else. */
typedef struct {
  void *context;
  /** Reads the register at a byte offset; an answer of SLVERR or DECERR is an error. */
  int (*read)(void *context, uint32_t offset, uint32_t *value);
  /** Writes all four bytes of a register. */
  int (*write)(void *context, uint32_t offset, uint32_t value);
  /** Sends a packet, TLAST on its last beat. It may return before the machine has taken all of it; the
   *  driver's user then keeps the data until the next packet is sent. */
  int (*send)(void *context, csb_port port, const void *data, size_t bytes);
  /** Takes a packet of so many bytes from the output stream. */
  int (*receive)(void *context, void *data, size_t bytes);
} csb_io;

/** A state of the network, such as h_l0: where its values are in the state memory. */
typedef struct {
  const char *key;
  uint32_t length;
  int frac;              /* fraction bits of a value */
  const uint32_t *place; /* [length] value of STATE_ADDR for stream 0 */
} csb_state;

/** A network as built for one configuration; network.h defines one. */
typedef struct {
  uint32_t config_hash;
  uint32_t inputs, outputs, streams;
  uint32_t beat_bytes; /* of the frame streams */
  uint32_t data_w;     /* bits of a value, at most 16 */
  int x_frac, out_frac; /* fraction bits of inputs and outputs */
  uint32_t state_stride; /* added to a state's address for each stream */
  uint32_t states;
  const csb_state *state;
  const uint32_t *image;
  uint32_t image_words;
  const float *x_gain; /* factor of each input before it is rounded; 0: none */
} csb_network;

typedef struct {
  csb_io io;
  const csb_network *network;
  size_t in_bytes, out_bytes; /* of a frame */
  uint32_t polls;     /* reads of STATUS before CSB_E_BUSY; csb_probe sets 100000 */
  uint32_t map;       /* version of the register map */
  uint32_t version;   /* of the hardware: major << 16 | minor << 8 | patch */
} csb_device;

/* --- which hardware, which network ----------------------------------------------------------- */

/** Checks identity, register map and configuration; sets all of the device. */
int csb_probe(csb_device *d, const csb_io *io, const csb_network *network);
/** Sends the network's image and waits until it is loaded. A load ends a run by itself. */
int csb_load(csb_device *d);
/** Sends another image for the same configuration, such as one read from flash. */
int csb_load_from(csb_device *d, const uint32_t *image, uint32_t words);

/* --- a run ----------------------------------------------------------------------------------- */

/** Begins a run; `fresh`: from zero states, otherwise from the state memory's. */
int csb_start(csb_device *d, int fresh);
/** Values of an input and of an output frame, padding to whole beats included. */
size_t csb_in_values(const csb_network *n);
size_t csb_out_values(const csb_network *n);
/** Sends a frame of csb_in_values() values. */
int csb_push(csb_device *d, const int16_t *x);
/** Takes a frame of csb_out_values() values. */
int csb_pull(csb_device *d, int16_t *y);
/** Sends and takes so many frames, one input ahead of the outputs.
 *  x: [frames * csb_in_values()], y: [frames * csb_out_values()]. */
int csb_run(csb_device *d, const int16_t *x, int16_t *y, uint32_t frames);
/** Ends a run: idle, streams empty. `scratch` takes a cut output frame, csb_out_values() values. */
int csb_stop(csb_device *d, int16_t *scratch);
/** csb_stop that also forgets a cut input frame and an image that is not complete. */
int csb_flush(csb_device *d, int16_t *scratch);
/** From any state to idle with empty streams and no pending interrupt; an image that was valid stays
 *  valid. Sources must be reset before. */
int csb_recover(csb_device *d, int16_t *scratch);
/** All but the register port as after a reset; an image has to be loaded again. */
int csb_reset(csb_device *d, int16_t *scratch);

/* --- status ---------------------------------------------------------------------------------- */

/** Reads STATUS. */
int csb_status(csb_device *d, uint32_t *status);
/** The error code of STATUS: CSB_ERROR_NONE or what ended the run or the load. */
int csb_error(csb_device *d, uint32_t *code);
/** What an error code means, and what to do about it; "unknown" of a code that there is none of. */
const char *csb_error_text(uint32_t code);
const char *csb_error_action(uint32_t code);
/** What a csb_result means. */
const char *csb_result_text(int result);
/** Cycles of the run. */
int csb_cycles(csb_device *d, uint64_t *cycles);
/** Which interrupt causes raise irq (CSB_IRQ_ENABLE_*_MASK). */
int csb_irq_enable(csb_device *d, uint32_t mask);
/** Reads the pending causes and clears those that it has read. */
int csb_irq_take(csb_device *d, uint32_t *pending);
/** Cycles that a beat may be owed before error `timeout`; 0: for ever. */
int csb_watchdog(csb_device *d, uint32_t cycles);

/* --- states, at rest only -------------------------------------------------------------------- */

/** All values of a state of one stream, as integers with `frac` fraction bits. */
int csb_state_read(csb_device *d, uint32_t state, uint32_t stream, int32_t *values);
int csb_state_write(csb_device *d, uint32_t state, uint32_t stream, const int32_t *values);

/* --- number formats -------------------------------------------------------------------------- */

/** floor(value * 2^frac + 1/2), saturated to `bits` bits, at most 24; NaN gives the largest. */
int32_t csb_to_fixed(float value, int frac, uint32_t bits);
float csb_from_fixed(int32_t value, int frac);
/** x: [inputs] floats to a padded frame; returns how many of them saturated. */
uint32_t csb_encode(const csb_network *n, const float *x, int16_t *frame);
/** A frame to [outputs] floats. */
void csb_decode(const csb_network *n, const int16_t *frame, float *y);

#ifdef __cplusplus
}
#endif
#endif
