# SPDX-License-Identifier: Apache-2.0
"""Rules: the meaning of each kind of node; importing this package fills the table."""

from csb_rnn.network.onnx.rules import arranging, linear, recurrent, repeated, sizes
from csb_rnn.network.onnx.rules.registry import RULES, Call

__all__ = ["RULES", "Call", "arranging", "linear", "recurrent", "repeated", "sizes"]
