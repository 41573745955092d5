/* SPDX-License-Identifier: Apache-2.0 */
#include "csb_rnn.h"

enum { DEFAULT_POLLS = 100000 };

static int read(csb_device *d, uint32_t offset, uint32_t *value) {
  return d->io.read(d->io.context, offset, value) == 0 ? CSB_OK : CSB_E_BUS;
}

static int write(csb_device *d, uint32_t offset, uint32_t value) {
  return d->io.write(d->io.context, offset, value) == 0 ? CSB_OK : CSB_E_BUS;
}

static uint32_t field(uint32_t value, uint32_t mask, uint32_t lsb) { return (value & mask) >> lsb; }

static uint32_t beats(uint32_t values, uint32_t beat_bytes) {
  return (2u * values + beat_bytes - 1u) / beat_bytes;
}

size_t csb_in_values(const csb_network *n) {
  return (size_t)beats(n->inputs, n->beat_bytes) * n->beat_bytes / 2u;
}

size_t csb_out_values(const csb_network *n) {
  return (size_t)beats(n->outputs, n->beat_bytes) * n->beat_bytes / 2u;
}

/* --- which hardware, which network ----------------------------------------------------------- */

int csb_probe(csb_device *d, const csb_io *io, const csb_network *network) {
  uint32_t identity, hash;
  int result;
  d->io = *io;
  d->network = network;
  d->in_bytes = 2u * csb_in_values(network);
  d->out_bytes = 2u * csb_out_values(network);
  d->polls = DEFAULT_POLLS;
  d->map = d->version = 0;
  if ((result = read(d, CSB_REG_IDENTITY, &identity)) != CSB_OK) return result;
  d->map = field(identity, CSB_IDENTITY_MAP_MASK, CSB_IDENTITY_MAP_LSB);
  if (field(identity, CSB_IDENTITY_MAGIC_MASK, CSB_IDENTITY_MAGIC_LSB) != CSB_MAGIC ||
      d->map != CSB_MAP_VERSION)
    return CSB_E_IDENTITY;
  if ((result = read(d, CSB_REG_VERSION, &identity)) != CSB_OK) return result;
  d->version = identity;
  if ((result = read(d, CSB_REG_CONFIG_HASH, &hash)) != CSB_OK) return result;
  return hash == network->config_hash ? CSB_OK : CSB_E_CONFIG;
}

int csb_status(csb_device *d, uint32_t *status) { return read(d, CSB_REG_STATUS, status); }

int csb_error(csb_device *d, uint32_t *code) {
  uint32_t status;
  const int result = csb_status(d, &status);
  *code = result == CSB_OK ? field(status, CSB_STATUS_ERROR_MASK, CSB_STATUS_ERROR_LSB) : 0u;
  return result;
}

/* Polls STATUS until the bits of `mask` have the value `wanted`. */
static int wait_for(csb_device *d, uint32_t mask, uint32_t wanted) {
  uint32_t status, n;
  int result;
  for (n = 0; n < d->polls; n++) {
    if ((result = csb_status(d, &status)) != CSB_OK) return result;
    if ((status & mask) == wanted) return CSB_OK;
  }
  return CSB_E_BUSY;
}

/* CSB_E_MACHINE if STATUS holds an error code. */
static int machine(csb_device *d) {
  uint32_t code;
  const int result = csb_error(d, &code);
  if (result != CSB_OK) return result;
  return code == CSB_ERROR_NONE ? CSB_OK : CSB_E_MACHINE;
}

int csb_load_from(csb_device *d, const uint32_t *image, uint32_t words) {
  int result;
  if (words == 0) return CSB_E_RANGE;
  if (d->io.send(d->io.context, CSB_TO_IMAGE, image, (size_t)words * 4u) != 0) return CSB_E_STREAM;
  if ((result = wait_for(d, CSB_STATUS_LOADING_MASK, 0)) != CSB_OK) return result;
  return machine(d);
}

int csb_load(csb_device *d) {
  return csb_load_from(d, d->network->image, d->network->image_words);
}

/* --- a run ----------------------------------------------------------------------------------- */

int csb_start(csb_device *d, int fresh) {
  const uint32_t bits = CSB_CONTROL_START_MASK | (fresh ? CSB_CONTROL_FRESH_MASK : 0u);
  const int result = write(d, CSB_REG_CONTROL, bits);
  return result == CSB_OK ? machine(d) : result;
}

int csb_push(csb_device *d, const int16_t *x) {
  return d->io.send(d->io.context, CSB_TO_FRAMES, x, d->in_bytes) == 0 ? CSB_OK : CSB_E_STREAM;
}

int csb_pull(csb_device *d, int16_t *y) {
  return d->io.receive(d->io.context, y, d->out_bytes) == 0 ? CSB_OK : CSB_E_STREAM;
}

int csb_run(csb_device *d, const int16_t *x, int16_t *y, uint32_t frames) {
  uint32_t n;
  int result;
  for (n = 0; n <= frames; n++) {
    if (n < frames) {
      if ((result = csb_push(d, x)) != CSB_OK) return result;
      x += d->in_bytes / 2u;
    }
    if (n > 0) {
      if ((result = csb_pull(d, y)) != CSB_OK) return result;
      y += d->out_bytes / 2u;
    }
  }
  return CSB_OK;
}

/* Writes a command, then takes the output frame that it has cut, if it has cut one. */
static int settle(csb_device *d, uint32_t command, int16_t *scratch) {
  const uint32_t open = CSB_STATUS_OUT_OPEN_MASK, idle = CSB_STATUS_IDLE_MASK;
  uint32_t status, n;
  int result = write(d, CSB_REG_CONTROL, command);
  for (n = 0; result == CSB_OK && n < d->polls; n++) {
    if ((result = csb_status(d, &status)) != CSB_OK) return result;
    if (status & open) {
      if ((result = csb_pull(d, scratch)) != CSB_OK) return result;
    } else if (status & idle) {
      return wait_for(d, CSB_STATUS_IN_CUT_MASK, 0);
    }
  }
  return result == CSB_OK ? CSB_E_BUSY : result;
}

int csb_stop(csb_device *d, int16_t *scratch) { return settle(d, CSB_CONTROL_STOP_MASK, scratch); }

int csb_flush(csb_device *d, int16_t *scratch) {
  return settle(d, CSB_CONTROL_FLUSH_MASK, scratch);
}

int csb_recover(csb_device *d, int16_t *scratch) {
  uint32_t pending;
  const int result = csb_flush(d, scratch);
  return result == CSB_OK ? csb_irq_take(d, &pending) : result;
}

int csb_reset(csb_device *d, int16_t *scratch) {
  return settle(d, CSB_CONTROL_RESET_MASK, scratch);
}

/* --- status ---------------------------------------------------------------------------------- */

static const struct {
  uint32_t code;
  const char *text, *action;
} errors[] = {
#define ENTRY(code, name, text, action) {code, text, action},
    CSB_ERROR_LIST(ENTRY)
#undef ENTRY
};

const char *csb_error_text(uint32_t code) {
  return code < sizeof errors / sizeof errors[0] ? errors[code].text : "unknown";
}

const char *csb_error_action(uint32_t code) {
  return code < sizeof errors / sizeof errors[0] ? errors[code].action : "unknown";
}

const char *csb_result_text(int result) {
  static const char *const texts[] = {
      "no error",
      "a register access was answered with an error",
      "a stream reported an error or its time limit",
      "no CSB-RNN accelerator, or another version of its register map",
      "the network was built for another configuration",
      "the machine stopped with an error code",
      "the machine did not come to rest",
      "an argument is out of its range"};
  return result >= 0 && result < (int)(sizeof texts / sizeof texts[0]) ? texts[result] : "unknown";
}

int csb_cycles(csb_device *d, uint64_t *cycles) {
  uint32_t low, high;
  int result = read(d, CSB_REG_CYCLES_LO, &low); /* holds CYCLES_HI */
  if (result == CSB_OK) result = read(d, CSB_REG_CYCLES_HI, &high);
  if (result == CSB_OK) *cycles = (uint64_t)high << 32 | low;
  return result;
}

int csb_irq_enable(csb_device *d, uint32_t mask) { return write(d, CSB_REG_IRQ_ENABLE, mask); }

int csb_irq_take(csb_device *d, uint32_t *pending) {
  const int result = read(d, CSB_REG_IRQ_PENDING, pending);
  return result == CSB_OK ? write(d, CSB_REG_IRQ_PENDING, *pending) : result;
}

int csb_watchdog(csb_device *d, uint32_t cycles) { return write(d, CSB_REG_WATCHDOG, cycles); }

/* --- states ---------------------------------------------------------------------------------- */

/* Points STATE_DATA to a value. */
static int point(csb_device *d, const csb_state *s, uint32_t stream, uint32_t unit) {
  return write(d, CSB_REG_STATE_ADDR, s->place[unit] + stream * d->network->state_stride);
}

static int state_exists(const csb_device *d, uint32_t state, uint32_t stream) {
  return state < d->network->states && stream < d->network->streams ? CSB_OK : CSB_E_RANGE;
}

int csb_state_read(csb_device *d, uint32_t state, uint32_t stream, int32_t *values) {
  const csb_state *s = &d->network->state[state];
  int result = state_exists(d, state, stream);
  uint32_t unit, word;
  for (unit = 0; result == CSB_OK && unit < s->length; unit++) {
    if ((result = point(d, s, stream, unit)) != CSB_OK) break;
    if ((result = read(d, CSB_REG_STATE_DATA, &word)) != CSB_OK) break;
    values[unit] = (int32_t)word;
  }
  return result;
}

int csb_state_write(csb_device *d, uint32_t state, uint32_t stream, const int32_t *values) {
  const csb_state *s = &d->network->state[state];
  int result = state_exists(d, state, stream);
  uint32_t unit;
  for (unit = 0; result == CSB_OK && unit < s->length; unit++) {
    if ((result = point(d, s, stream, unit)) != CSB_OK) break;
    result = write(d, CSB_REG_STATE_DATA, (uint32_t)values[unit]);
  }
  return result;
}

/* --- number formats -------------------------------------------------------------------------- */

static float power_of_two(int exponent) {
  float value = 1.0f;
  for (; exponent > 0; exponent--) value *= 2.0f;
  for (; exponent < 0; exponent++) value *= 0.5f;
  return value;
}

int32_t csb_to_fixed(float value, int frac, uint32_t bits) {
  const float limit = power_of_two((int)bits - 1), scaled = value * power_of_two(frac);
  const int32_t largest = (int32_t)(limit - 1.0f);
  int32_t low;
  float rest;
  if (!(scaled < limit)) return largest; /* NaN too */
  if (scaled < -limit) return -largest - 1;
  low = (int32_t)scaled; /* towards zero */
  rest = scaled - (float)low;
  if (rest < 0.0f) {
    low -= 1;
    rest += 1.0f;
  }
  if (rest >= 0.5f && low < largest) low += 1;
  return low;
}

float csb_from_fixed(int32_t value, int frac) { return (float)value * power_of_two(-frac); }

uint32_t csb_encode(const csb_network *n, const float *x, int16_t *frame) {
  const float limit = power_of_two((int)n->data_w - 1 - n->x_frac);
  const size_t all = csb_in_values(n);
  uint32_t saturated = 0;
  size_t i;
  for (i = 0; i < all; i++) {
    const float gain = i < n->inputs && n->x_gain ? n->x_gain[i] : 1.0f;
    const float value = i < n->inputs ? x[i] * gain : 0.0f;
    saturated += !(value < limit && value >= -limit);
    frame[i] = (int16_t)csb_to_fixed(value, n->x_frac, n->data_w);
  }
  return saturated;
}

void csb_decode(const csb_network *n, const int16_t *frame, float *y) {
  uint32_t i;
  for (i = 0; i < n->outputs; i++) y[i] = csb_from_fixed(frame[i], n->out_frac);
}
