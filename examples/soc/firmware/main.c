/* SPDX-License-Identifier: Apache-2.0 */
/* Classifies sequences of frames with a trained network on the accelerator. Prints a line for each: the
 * class, a checksum of all outputs, and the cycles of a frame; first with frames moved by registers, then by
 * DMA. sequences.h has the frames and the linear layer that turns the last output into scores. */
#include "network.h"
#include "sequences.h"
#include "soc.h"

static int16_t outputs[MOST_FRAMES * OUT_VALUES] __attribute__((aligned(64)));
static int16_t scratch[OUT_VALUES] __attribute__((aligned(64)));

static uint32_t checksum(const int16_t *y, uint32_t frames) {
  const uint32_t wide = OUT_VALUES;
  uint32_t hash = 2166136261u, n, i; /* FNV-1a, a value at a time */
  for (n = 0; n < frames; n++)
    for (i = 0; i < csb_network_this.outputs; i++)
      hash = (hash ^ (uint16_t)y[n * wide + i]) * 16777619u;
  return hash;
}

static uint32_t best(const int16_t *y) {
  uint32_t winner = 0, c, i;
  int64_t most = INT64_MIN;
  for (c = 0; c < CLASSES; c++) {
    int64_t score = head_bias[c];
    for (i = 0; i < csb_network_this.outputs; i++) score += (int32_t)head_weight[c][i] * y[i];
    if (score > most) {
      most = score;
      winner = c;
    }
  }
  return winner;
}

static int fail(const char *what, int result, csb_device *d) {
  uint32_t code = 0;
  soc_text(what);
  soc_text(": ");
  soc_text(csb_result_text(result));
  if (csb_error(d, &code) == CSB_OK && code != CSB_ERROR_NONE) {
    soc_text(": ");
    soc_text(csb_error_text(code));
  }
  soc_text("\n");
  return 1;
}

static int classify(csb_device *d, const char *how) {
  const int16_t *x = sequences;
  uint32_t s;
  int result;
  for (s = 0; s < SEQUENCES; s++) {
    const uint32_t frames = lengths[s];
    uint32_t begin;
    if ((result = csb_start(d, 1)) != CSB_OK) return fail("start", result, d);
    begin = soc_cycle();
    if ((result = csb_run(d, x, outputs, frames)) != CSB_OK) return fail("run", result, d);
    begin = soc_cycle() - begin;
    if ((result = csb_stop(d, scratch)) != CSB_OK) return fail("stop", result, d);
    soc_text(how);
    soc_text(" sequence ");
    soc_number(s);
    soc_text(" class ");
    soc_number(best(outputs + (frames - 1u) * OUT_VALUES));
    soc_text(" outputs ");
    soc_hex(checksum(outputs, frames));
    soc_text(" cycles ");
    soc_number(begin / frames);
    soc_text("\n");
    x += frames * IN_VALUES;
  }
  return 0;
}

int main(void) {
  csb_device d;
  uint32_t begin;
  int result;
  if ((result = csb_probe(&d, &soc_by_registers, &csb_network_this)) != CSB_OK)
    return fail("probe", result, &d);
  begin = soc_cycle();
  if ((result = csb_load(&d)) != CSB_OK) return fail("load", result, &d);
  soc_text("loaded by registers in ");
  soc_number(soc_cycle() - begin);
  soc_text(" cycles\n");
  if (classify(&d, "registers")) return 1;
  if ((result = csb_probe(&d, &soc_by_dma, &csb_network_this)) != CSB_OK)
    return fail("probe", result, &d);
  begin = soc_cycle();
  if ((result = csb_load(&d)) != CSB_OK) return fail("load", result, &d);
  soc_text("loaded by dma in ");
  soc_number(soc_cycle() - begin);
  soc_text(" cycles\n");
  return classify(&d, "dma");
}
