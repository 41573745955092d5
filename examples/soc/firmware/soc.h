/* SPDX-License-Identifier: Apache-2.0 */
/* The system around the accelerator: see csb_soc.sv. */
#ifndef SOC_H
#define SOC_H

#include "csb_rnn.h"

/* The four functions of the driver: by registers, or by the DMA. */
extern const csb_io soc_by_registers, soc_by_dma;

uint32_t soc_cycle(void);
void soc_text(const char *text);
void soc_number(uint32_t value);
void soc_hex(uint32_t value);

#endif
