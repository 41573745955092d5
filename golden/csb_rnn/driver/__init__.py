# SPDX-License-Identifier: Apache-2.0
"""Driver of the accelerator for a host with Python; its calls are those of ``drivers/c``.

Example, on a board whose registers are at 0xA0000000 and whose DMA engines are ``send`` and
``receive`` functions of one's own::

    from csb_rnn.driver import Device, Network
    from csb_rnn.driver.memory_map import MemoryMap

    device = Device(MemoryMap.of_memory(0xA000_0000, send, receive), Network.load("DIR"))
    device.probe()
    device.load()
    with device.run():
        y = device.step(x)  # float32 [inputs] -> float32 [outputs]
"""

from csb_rnn.driver.device import Device, DriverError, Transport
from csb_rnn.driver.network import Network

__all__ = ["Device", "DriverError", "Network", "Transport"]
