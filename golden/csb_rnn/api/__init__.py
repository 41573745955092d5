# SPDX-License-Identifier: Apache-2.0
"""The public API, whose names :mod:`csb_rnn` hands on; they are kept stable.

import csb_rnn
build = csb_rnn.build(torch.nn.LSTM(8, 16, batch_first=True), config="small")
print(build.predict().cycles)          # cycles a frame, exact
run = build.simulate(x)                # x: float32 [frames, 8], on the RTL, bit for bit
"""
