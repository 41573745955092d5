# SPDX-License-Identifier: Apache-2.0
"""The integration kit of a configuration: a complete folder for a design around it."""

from csb_rnn.kit.folder import write_kit

__all__ = ["write_kit"]
