/* SPDX-License-Identifier: Apache-2.0 */
#include "soc.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define CSB(offset) REGISTER(0x10000000u + (offset))

enum {
  IMAGE = 0x20000000,
  FRAME = 0x20000008,
  OUT = 0x20000010,
  ERRORS = 0x20000018,
  SEND_ADDR = 0x20000020,
  SEND_BYTES = 0x20000024,
  SEND_GO = 0x20000028,
  SEND_BUSY = 0x2000002c,
  TAKE_ADDR = 0x20000030,
  TAKE_GO = 0x20000034,
  TAKE_BUSY = 0x20000038,
  UART = 0x30000000,
  CYCLE = 0x30000008,
  LAST = 4 /* added to IMAGE or FRAME: the packet's last word */
};

static int failed(void) { return REGISTER(ERRORS) != 0; }

static int read(void *context, uint32_t offset, uint32_t *value) {
  (void)context;
  *value = CSB(offset);
  return failed();
}

static int write(void *context, uint32_t offset, uint32_t value) {
  (void)context;
  CSB(offset) = value;
  return failed();
}

/* --- by registers ---------------------------------------------------------------------------- */

static int send_words(void *context, csb_port port, const void *data, size_t bytes) {
  const uint32_t to = port == CSB_TO_IMAGE ? IMAGE : FRAME;
  const uint32_t *word = data, *last = word + bytes / 4u - 1u;
  (void)context;
  while (word < last) REGISTER(to) = *word++;
  REGISTER(to + LAST) = *word;
  return failed();
}

static int receive_words(void *context, void *data, size_t bytes) {
  uint32_t *word = data, *end = word + bytes / 4u;
  (void)context;
  while (word < end) *word++ = REGISTER(OUT);
  return failed();
}

const csb_io soc_by_registers = {0, read, write, send_words, receive_words};

/* --- by DMA ---------------------------------------------------------------------------------- */

/* Starts a packet and returns: the core works on while the DMA sends it. */
static int send_by_dma(void *context, csb_port port, const void *data, size_t bytes) {
  (void)context;
  while (REGISTER(SEND_BUSY)) {
  }
  REGISTER(SEND_ADDR) = (uint32_t)(uintptr_t)data;
  REGISTER(SEND_BYTES) = (uint32_t)bytes;
  REGISTER(SEND_GO) = port == CSB_TO_IMAGE ? 0u : 1u;
  return failed();
}

static int receive_by_dma(void *context, void *data, size_t bytes) {
  (void)context;
  REGISTER(TAKE_ADDR) = (uint32_t)(uintptr_t)data;
  REGISTER(TAKE_GO) = (uint32_t)bytes;
  while (REGISTER(TAKE_BUSY)) {
  }
  return failed();
}

const csb_io soc_by_dma = {0, read, write, send_by_dma, receive_by_dma};

/* --- text ------------------------------------------------------------------------------------ */

uint32_t soc_cycle(void) { return REGISTER(CYCLE); }

void soc_text(const char *text) {
  while (*text) REGISTER(UART) = (uint8_t)*text++;
}

void soc_number(uint32_t value) {
  char digits[11], *at = digits + 10;
  *at = 0;
  do {
    *--at = (char)('0' + value % 10u);
    value /= 10u;
  } while (value);
  soc_text(at);
}

void soc_hex(uint32_t value) {
  int shift;
  for (shift = 28; shift >= 0; shift -= 4)
    REGISTER(UART) = (uint8_t)"0123456789abcdef"[value >> shift & 15u];
}
