/* SPDX-License-Identifier: Apache-2.0 */
/* The driver as a shared library: the network that the launcher built, and its coverage. */
#include "network_0.h"
#include "network_1.h"

const csb_network *shim_network(int n) { return n ? &csb_network_net1 : &csb_network_net0; }

uint32_t shim_device_bytes(void) { return (uint32_t)sizeof(csb_device); }

#ifdef CSB_COVERAGE
void __gcov_dump(void);
void shim_coverage(void) { __gcov_dump(); }
#else
void shim_coverage(void) {}
#endif
